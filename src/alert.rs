//! A letter to the author when an issue stops and needs a word, or nothing can be sent: at most one for each
//! reason and day.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    config::Config,
    delivery::{DeliveryState, Outcome},
    diagnostic::count,
    mailer::Mailer,
    message::{Keys, Notice, notice},
    newsletter::issue::{Cause, IssueId},
    store::{IssueSummary, Store, StoreError},
};

/// What the author should hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Which reason it is; of each there is one letter a day.
    reason: String,
    /// Whose newsletter it is about, if one's.
    newsletter: Option<String>,
    subject: String,
    text: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is on its way.
    Sent,
    /// The author has heard it today, or does not wish to.
    Enough,
    /// No letter left, in these words.
    Not(String),
}

impl Alert {
    /// An issue is paused.
    pub fn paused(issue: &IssueSummary, cause: Cause) -> Self {
        let number = issue.issue;
        // Short lines, so that it can be read anywhere.
        let mut text = format!("Issue {number} of {} is paused:\n{}.\n\n", issue.newsletter, cause.words());
        if let Some(words) = issue.words.as_deref().filter(|words| !words.is_empty()) {
            let whose = if cause == Cause::Sums { "By its rows:" } else { "The mail server said:" };
            text.push_str(&format!("{whose}\n\n  {words}\n\n"));
        }
        text.push_str(&format!(
            "Nothing is lost. {} of {} went out so far; still to go: {}.\n\n\
             \x20 byline status {number}   shows how it stands\n\
             \x20 byline resume {number}   lets it go on\n\
             \x20 byline cancel {number}   ends it\n",
            issue.count(DeliveryState::Accepted),
            count(issue.letters, "letter"),
            issue.open()
        ));
        let reason = match cause {
            // These are of the server, and stop one issue after the other.
            Cause::Refused | Cause::Login => cause.as_str().to_string(),
            _ => format!("{} {number}", cause.as_str()),
        };
        let subject = format!("Issue {number} of {} is paused", issue.newsletter);
        Self { reason, newsletter: Some(issue.newsletter.clone()), subject, text }
    }

    /// Nothing is sent, because there is no room to write down what was.
    pub fn no_room() -> Self {
        let text = "There is almost no room left on the disk of data/.\nSo nothing is sent that could not be \
                    written down.\n\nNothing is lost. Sending goes on by itself when there is room.\n";
        Self {
            reason: "room".into(),
            newsletter: None,
            subject: "Nothing is sent: the disk is almost full".into(),
            text: text.into(),
        }
    }
}

/// Whoever carries alerts.
pub struct Messenger<'m> {
    /// Who hears them, and in whose name.
    pub config: &'m Config,
    /// What was said already.
    pub store: &'m Store,
    /// How letters leave.
    pub mailer: &'m Mailer,
    /// What they are signed with.
    pub keys: &'m Keys,
}

impl Messenger<'_> {
    /// Tells of an issue that stopped otherwise than at the author's word.
    pub async fn tell_paused(
        &self,
        issue: IssueId,
        cause: Cause,
        now: DateTime<Utc>,
    ) -> Result<Told, StoreError> {
        match self.store.issue(issue).await? {
            Some(summary) => self.tell(&Alert::paused(&summary, cause), now).await,
            None => Ok(Told::Enough),
        }
    }

    /// Sends it, unless there was one for the same reason on that day. Only by a mail server: in an outbox nobody
    /// would see it.
    pub async fn tell(&self, alert: &Alert, now: DateTime<Utc>) -> Result<Told, StoreError> {
        let day = now.with_timezone(&self.config.site.zone).date_naive();
        let newsletters = &self.config.newsletters;
        let about = newsletters.iter().find(|one| Some(&one.id) == alert.newsletter.as_ref());
        let Some(newsletter) = about.or(newsletters.first()) else { return Ok(Told::Enough) };
        let sender = &newsletter.sender;
        let to = self.config.mail.alerts_to.clone().unwrap_or_else(|| vec![sender.address.clone()]);
        if to.is_empty() || self.mailer.via() == "outbox" {
            return Ok(Told::Enough);
        }
        let mut connection = self.mailer.connection(0);
        if let Err(why) = connection.ready().await {
            return Ok(Told::Not(why.to_string()));
        }
        // Written down before it is sent: rather none than many.
        if !self.store.is_first_alert(alert.reason.clone(), day).await? {
            connection.close().await;
            return Ok(Told::Enough);
        }
        let text = format!("{}\n{}\n", alert.text, footer(day));
        let mut told = Told::Sent;
        for address in &to {
            let words = Notice { subject: &alert.subject, text: &text, reason: &alert.reason };
            let outcome = connection.send(notice(sender, address, words, now, self.keys)).await;
            if !matches!(outcome, Outcome::Accepted { .. }) {
                told = Told::Not(outcome.words().to_string());
            }
        }
        connection.close().await;
        Ok(told)
    }
}

fn footer(day: NaiveDate) -> String {
    format!(
        "--\nByline wrote this by itself; for this reason no more on {day}.\n\
         `alerts_to` under `[mail]` says who gets such letters."
    )
}
