//! What commands come to.

use model::{Command, Effect, Evidence, Note, RiskEvent, Step, User};

/// What a command came to. The rows are those that were committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The event as it is now.
    Event(Box<RiskEvent>),
    /// The event that was made, and the evidence that it brought along.
    EventWithEvidence(Box<RiskEvent>, Vec<Evidence>),
    /// The user as they are now.
    User(Box<User>),
    /// The item of evidence as it is now.
    Evidence(Box<Evidence>),
    /// It is gone.
    Deleted,
    /// It is done: there is no one entity to show.
    Done,
    /// What a command of a job came to.
    Noted(Note),
}

/// What a command asks to be shown of what it changes: known before it is decided, which takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The entity.
    Entity,
    /// The item of evidence.
    Evidence,
    /// Nothing: it is about many.
    Nothing,
}

impl Question {
    /// That of a command.
    pub fn of(command: &Command) -> Self {
        match command {
            Command::Judge { .. } => Self::Nothing,
            Command::AddEvidence { .. } => Self::Evidence,
            _ => Self::Entity,
        }
    }
}

impl Outcome {
    /// What the steps of a command came to. What a client asked to change is in the first step; what follows from it
    /// comes after.
    pub fn of(steps: Vec<Step>, question: Question) -> Self {
        if question == Question::Nothing {
            return Self::Done;
        }
        let first = steps.into_iter().next();
        let (effect, evidence) = first.map_or((Effect::None, None), |step| (step.effect, step.evidence));
        let mut evidence = evidence.map_or_else(Vec::new, |change| change.written);
        if question == Question::Evidence
            && let Some(item) = evidence.pop()
        {
            return Self::Evidence(Box::new(item));
        }
        match effect {
            Effect::InsertEvent(event) if !evidence.is_empty() => Self::EventWithEvidence(Box::new(event), evidence),
            Effect::InsertEvent(event) | Effect::ReplaceEvent { after: event, .. } => Self::Event(Box::new(event)),
            Effect::InsertUser(user) | Effect::ReplaceUser { after: user, .. } => Self::User(Box::new(user)),
            Effect::RemoveEvent(_) | Effect::RemoveUser(_) => Self::Deleted,
            Effect::PutJob { .. } | Effect::None => Self::Done,
        }
    }
}
