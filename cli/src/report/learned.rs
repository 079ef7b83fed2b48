//! What came to the knowledge of each side, or would have.

use host::job::PlanReport;

use super::{Outcome, Record};

/// A sentence or two for each thing that one side learned.
pub(super) fn learned(plan: &PlanReport, outcome: &Outcome<'_>, record: &Record) -> Vec<String> {
    let stops = !record.validations.is_empty();
    let by_owner = plan.refresh == "owner";
    let [of_server, of_owner] = of_pruning(outcome, record);
    let mut lines = vec![format!(
        "The server: the parameter set, {} features, {} classes, how many rows each mini-batch has, learning rate and epochs. \
         It never sees a feature, a label, a weight of the model, or an accuracy.",
        plan.features, plan.classes
    )];
    if by_owner {
        lines.push("The server: when the owner answers, and that values stayed within the bound of a refresh.".to_owned());
    }
    if stops {
        lines.push(
            "The server: after each epoch whether it was the best so far, and whether to stop."
                .to_owned(),
        );
    }
    lines.extend(of_server);
    lines.push("The owner: the model.".to_owned());
    if by_owner {
        lines.push(
            "The owner: at each refresh the weights so far, or how its own rows stand; it could compute both.".to_owned(),
        );
    }
    if stops {
        lines.push("The owner: after each epoch the logits of its own validation rows.".to_owned());
    }
    lines.extend(of_owner);
    lines.push(match outcome {
        Outcome::Run(_) => "Here both were one process on one machine: this is what each would have learned apart. The curves \
                            come from the owner's side."
            .to_owned(),
        Outcome::Train(_) => "This report was made on the server's side.".to_owned(),
        Outcome::Simulate(_) => "Nothing was encrypted, and nothing sent: this is what each would learn in a training.".to_owned(),
    });
    lines
}

/// What masks tell the server, and scores the owner, if the training pruned.
fn of_pruning(outcome: &Outcome<'_>, record: &Record) -> [Option<String>; 2] {
    let summary = outcome.pruning();
    if record.rounds.is_empty() && summary.is_none() {
        return [None, None];
    }
    let scored = record.rounds.iter().find(|round| round.score != "random");
    if scored.is_none() && summary.is_none_or(|summary| summary.scorings == 0) {
        let server = "The server: which rows are kept, which it drew at random itself. That says nothing of them, and the \
                      owner was not asked.";
        return [Some(server.to_owned()), None];
    }
    // One that went on behind its last choice does not know how that was made.
    let weights = match scored {
        Some(round) if round.rule != "importance" => "",
        _ => ", and from a weight roughly how hard a kept row is beside others",
    };
    let sent = match scored.map(|round| round.score.as_str()) {
        Some("logit-margin") => "the logits of its own rows, and from them the weights",
        Some(_) => "a score of each of its own rows: how far its probabilities are from its label",
        None => "the logits or scores of its own rows",
    };
    let server = format!(
        "The server: which rows are kept in each choice by scores, so which ones the model finds hard{weights}. Rows have the \
         order of the encryption: which rows of the data set they are, it learns only with the seed and the order of those."
    );
    let owner =
        format!("The owner: for each choice by scores {sent}; all of it, it could compute.");
    [Some(server), Some(owner)]
}
