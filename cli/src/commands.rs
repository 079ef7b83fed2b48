//! One function for each command: its configuration, its job, its report.

use host::job;

use crate::args::{
    ActivationsTableArgs, Command, DecryptArgs, DevicesArgs, EncryptArgs, EvaluateArgs, KeygenArgs,
    ParamsTableArgs, ProfileArgs, PruneCommand, PruneSweepArgs, RefreshArgs, RunArgs, SimulateArgs,
    TrainArgs,
};
use crate::progress::Progress;
use crate::streams::{Failure, Streams};
use crate::{devices, print, profile, prune, resolve, sets};

/// Does what the command line asks.
pub(crate) fn execute(command: Command, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run(args, streams),
        Command::Simulate(args) => simulate(args, streams),
        Command::Keygen(args) => keygen(args, streams),
        Command::Encrypt(args) => encrypt(args, streams),
        Command::Train(args) => train(args, streams),
        Command::Refresh(args) => refresh(args, streams),
        Command::Prune(args) => prune(args.command, streams),
        Command::Decrypt(args) => decrypt(args, streams),
        Command::Evaluate(args) => evaluate(args, streams),
        Command::Params(args) => params(args, streams),
        Command::Activations(args) => activations(args, streams),
        Command::Profile(args) => profile(args, streams),
        Command::Devices(args) => {
            devices(&args, streams);
            Ok(())
        }
    }
}

fn run(args: RunArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::run(args)?;
    let report = job::run(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, |report| {
        print::run(report, config.model_out.as_deref())
    });
    Ok(())
}

fn simulate(args: SimulateArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::simulate(args)?;
    let report = job::simulate(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::simulate);
    Ok(())
}

fn keygen(args: KeygenArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::keygen(args)?;
    let report = job::keygen(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::keygen);
    Ok(())
}

fn encrypt(args: EncryptArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::encrypt(args);
    let report = job::encrypt(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::encrypt);
    Ok(())
}

fn train(args: TrainArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::train(args);
    let report = job::train(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::train);
    Ok(())
}

fn refresh(args: RefreshArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::refresh(args);
    let report = job::refresh(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::refresh);
    Ok(())
}

fn prune(command: PruneCommand, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match command {
        PruneCommand::Score(args) => {
            let json = args.output.json;
            let config = resolve::prune_score(args);
            let report = job::prune_score(&config, &mut Progress::new(streams, json))?;
            print::done(streams, json, &report, prune::score);
        }
        PruneCommand::Mask(args) => {
            let json = args.output.json;
            let config = resolve::prune_mask(args);
            let report = job::prune_mask(&config, &mut Progress::new(streams, json))?;
            print::done(streams, json, &report, prune::mask);
        }
        PruneCommand::Merge(args) => {
            let json = args.output.json;
            let config = resolve::prune_merge(args);
            let report = job::prune_merge(&config, &mut Progress::new(streams, json))?;
            print::done(streams, json, &report, prune::merge);
        }
        PruneCommand::Simulate(args) => return prune_sweep(&args, streams),
    }
    Ok(())
}

fn prune_sweep(args: &PruneSweepArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let mut progress = Progress::new(streams, json);
    let report = job::prune_sweep(&resolve::prune_sweep(args), &mut progress)?;
    let table = progress.into_sweep();
    if let Some(path) = &args.svg {
        let plot = table
            .svg()
            .map_err(|error| Failure::Usage(error.to_string()))?;
        job::write_text(path, &plot)?;
    }
    print::done(streams, json, &report, |report| table.markdown(report));
    Ok(())
}

fn decrypt(args: DecryptArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::decrypt(args);
    let report = job::decrypt(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::decrypt);
    Ok(())
}

fn evaluate(args: EvaluateArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::evaluate(args);
    let report = job::evaluate(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::evaluate);
    Ok(())
}

fn activations(args: ActivationsTableArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::activations(args)?;
    if !json {
        streams.out(&print::ACTIVATIONS_HEAD);
    }
    let report = job::activations(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, print::activations);
    Ok(())
}

fn params(args: ParamsTableArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let choice = resolve::params_table(args);
    let sets = job::describe_params(choice.as_ref())?;
    if json {
        sets::json(streams, &sets);
    } else {
        streams.out(&match choice {
            Some(_) => sets::levels(&sets),
            None => sets::all(&sets),
        });
    }
    Ok(())
}

fn devices(args: &DevicesArgs, streams: &mut Streams<'_>) {
    let report = job::describe_devices();
    print::done(streams, args.output.json, &report, devices::all);
}

fn profile(args: ProfileArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::profile(args)?;
    let report = job::profile(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, profile::all);
    Ok(())
}
