//! One function for each command: its configuration, its job, its report.

use host::job::{self, JobError, Observer, ResumeFrom, ResumedReport};

use crate::args::{
    ActivationsTableArgs, CalibrateArgs, Command, DecryptArgs, DevicesArgs, EncryptArgs,
    EvaluateArgs, KeygenArgs, ParamsTableArgs, PlanArgs, ProfileArgs, PruneCommand, PruneSweepArgs,
    RefreshArgs, ResumeArgs, RunArgs, SimulateArgs, TrainArgs,
};
use crate::progress::Progress;
use crate::report::{Listener, Outcome, Report};
use crate::streams::{Failure, Streams};
use crate::{calibrate, devices, plan, print, profile, prune, resolve, sets};

/// Does what the command line asks.
pub(crate) fn execute(command: Command, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run(args, streams),
        Command::Plan(args) => plan(args, streams),
        Command::Simulate(args) => simulate(args, streams),
        Command::Keygen(args) => keygen(args, streams),
        Command::Encrypt(args) => encrypt(args, streams),
        Command::Train(args) => train(args, streams),
        Command::Resume(args) => resume(args, streams),
        Command::Refresh(args) => refresh(args, streams),
        Command::Prune(args) => prune(args.command, streams),
        Command::Decrypt(args) => decrypt(args, streams),
        Command::Evaluate(args) => evaluate(args, streams),
        Command::Params(args) => params(args, streams),
        Command::Calibrate(args) => calibrate(args, streams),
        Command::Activations(args) => activations(args, streams),
        Command::Profile(args) => profile(args, streams),
        Command::Devices(args) => {
            devices(&args, streams);
            Ok(())
        }
    }
}

/// Does a job whose events go to the user, and to a report where one is wanted.
fn listened<R>(
    streams: &mut Streams<'_>,
    json: bool,
    report: Option<&mut Report>,
    job: impl FnOnce(&mut dyn Observer) -> Result<R, JobError>,
) -> Result<R, Failure> {
    let progress = Progress::new(streams, json);
    Ok(job(&mut Listener { progress, report })?)
}

/// Completes a report, where one is wanted.
fn finish(report: Option<Report>, outcome: &Outcome<'_>) -> Result<(), Failure> {
    report.map_or(Ok(()), |report| report.finish(outcome))
}

fn run(args: RunArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let path = args.report.report.clone();
    let config = resolve::run(args)?;
    let mut html = Report::begin(path.as_deref())?;
    let report = listened(streams, json, html.as_mut(), |observer| {
        job::run(&config, observer)
    })?;
    print::done(streams, json, &report, |report| {
        print::run(report, config.model_out.as_deref())
    });
    finish(html, &Outcome::Run(&report))?;
    if let Some(directory) = &config.work {
        job::finish_work(directory)?;
    }
    Ok(())
}

fn plan(args: PlanArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.run.output.json;
    let config = resolve::plan(args)?;
    let report = job::plan(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, plan::prediction);
    Ok(())
}

fn calibrate(args: CalibrateArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let config = resolve::calibrate(args)?;
    let report = job::calibrate(&config, &mut Progress::new(streams, json))?;
    print::done(streams, json, &report, calibrate::all);
    Ok(())
}

fn simulate(args: SimulateArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let path = args.report.report.clone();
    let config = resolve::simulate(args)?;
    let mut html = Report::begin(path.as_deref())?;
    let report = listened(streams, json, html.as_mut(), |observer| {
        job::simulate(&config, observer)
    })?;
    print::done(streams, json, &report, print::simulate);
    finish(html, &Outcome::Simulate(&report))
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
    let mut html = Report::begin(args.report.report.as_deref())?;
    let config = resolve::train(args)?;
    let report = listened(streams, json, html.as_mut(), |observer| {
        job::train(&config, observer)
    })?;
    print::done(streams, json, &report, print::train);
    finish(html, &Outcome::Train(&report))
}

fn resume(args: ResumeArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let json = args.output.json;
    let path = args.report.report.clone();
    let config = resolve::resume(args)?;
    let mut html = Report::begin(path.as_deref())?;
    let report = listened(streams, json, html.as_mut(), |observer| {
        job::resume(&config, observer)
    })?;
    print::done(streams, json, &report, |report| match report {
        ResumedReport::Train(report) => print::train(report),
        ResumedReport::Run(report) => print::run(report, config.out.as_deref()),
    });
    let outcome = match &report {
        ResumedReport::Train(report) => Outcome::Train(report),
        ResumedReport::Run(report) => Outcome::Run(report),
    };
    finish(html, &outcome)?;
    if let ResumeFrom::Work(directory) = &config.from {
        job::finish_work(directory)?;
    }
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
            let config = resolve::prune_mask(args)?;
            let report = job::prune_mask(&config, &mut Progress::new(streams, json))?;
            print::done(streams, json, &report, prune::mask);
        }
        PruneCommand::Merge(args) => {
            let json = args.output.json;
            let config = resolve::prune_merge(args);
            let report = job::prune_merge(&config, &mut Progress::new(streams, json))?;
            print::done(streams, json, &report, prune::merge);
        }
        PruneCommand::Check(args) => {
            let json = args.output.json;
            let config = resolve::prune_check(args);
            let report = job::prune_check(&config, &mut Progress::new(streams, json))?;
            print::done(streams, json, &report, prune::check);
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
