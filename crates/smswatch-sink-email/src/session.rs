//! One conversation with the relay: a mail to each recipient that it takes, and why not to the others.
//!
//! The library's own way of sending ends at the first recipient that is refused, so this walks
//! through the steps itself. A conversation is kept for the next mail only if the relay has taken this one: what an
//! abandoned attempt left in the middle must not reach another mail.

use std::collections::VecDeque;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use tokio::time::Instant;

use crate::connection::connect;
use crate::idle::{Conversation, Idle};
use crate::pipeline::{Content, Opening};
use crate::progress::Progress;
use crate::relay::Relay;
use crate::reply::{Meaning, Reply, Step};
use crate::trouble::Trouble;

/// How many conversations there are about one mail, at most: one more for each recipient over whom the relay
/// ended the one before. A relay that does so over every recipient is in trouble itself.
const CONVERSATIONS: u32 = 4;

/// How many recipients are asked for at once, at most, where the relay takes several commands at once: no side must wait
/// for the other one to read.
const AT_ONCE: usize = 100;

/// How long a relay has to take the sender in a conversation that was kept. It may have gone meanwhile without a sign,
/// and then the mail needs time for another conversation.
const FIRST_REPLY: Duration = Duration::from_secs(5);

/// A mail on its way.
pub(crate) trait Letter: Sync {
    /// Who sends it.
    fn sender(&self) -> &Address;

    /// The address of each recipient.
    fn recipients(&self) -> &[Address];

    /// The mail as it is sent, made out to these of the recipients.
    fn written(&self, to: &[usize]) -> Result<Vec<u8>, Trouble>;
}

/// Sends `letter` and keeps in `progress` what becomes of each recipient; it takes no longer than
/// `patience`, by much. The conversation is one of those in `idle`, and goes back there, if it can.
///
/// # Errors
///
/// The conversation ended early; nothing is known of those whom `progress` does not name.
pub(crate) async fn send(
    relay: &Relay,
    idle: &Idle,
    letter: &dyn Letter,
    progress: &mut Progress,
    patience: Duration,
) -> Result<(), Trouble> {
    let until = Instant::now() + patience;
    let mut places: Vec<usize> = (0..letter.recipients().len()).collect();
    let mut kept = idle.take();
    let mut tries_left = CONVERSATIONS;
    let mut may_hurry = true;
    loop {
        let is_kept = kept.is_some();
        let conversation = match kept.take() {
            Some(conversation) => conversation,
            None => connect(relay, progress).await?,
        };
        let mut session = Session {
            conversation,
            relay,
            letter,
            progress: &mut *progress,
            until,
            asked_for: None,
            is_proven: !is_kept,
            is_clean: true,
            may_hurry,
            is_ahead: false,
            is_doubtful: false,
        };
        let sent = session.send_all(places.clone()).await;
        let Session {
            conversation,
            asked_for,
            is_proven,
            is_clean,
            is_doubtful,
            ..
        } = session;
        let (trouble, place) = match (sent, asked_for) {
            (Ok(()), _) if is_clean => {
                idle.keep(conversation);
                return Ok(());
            }
            // The relay ended the conversation since the mail before: this one has not begun yet.
            (Err(_), _) if !is_proven => {
                places.retain(|place| !progress.knows(*place));
                continue;
            }
            // With the conversation, answers may have got lost that the relay had given: it is asked slowly over whom
            // it is.
            (Err(_), _) if is_doubtful => {
                may_hurry = false;
                tokio::spawn(conversation.say_goodbye());
                places.retain(|place| !progress.knows(*place));
                continue;
            }
            (Err(trouble), Some(place)) => (trouble, place),
            (sent, _) => {
                conversation.say_goodbye().await;
                return sent;
            }
        };
        // The relay ended the conversation over one recipient: that one waits, and the others are asked for
        // in another conversation. They do not wait for its goodbye.
        tokio::spawn(conversation.say_goodbye());
        progress.waiting.push((place, trouble.what.clone()));
        places.retain(|place| !progress.knows(*place));
        if places.is_empty() {
            return Ok(());
        }
        tries_left -= 1;
        if tries_left == 0 {
            return Err(trouble);
        }
    }
}

/// Connects, encrypts and logs in as for a mail, and says goodbye; `progress` knows the step.
///
/// # Errors
///
/// What kept a mail from being offered.
pub(crate) async fn greet(relay: &Relay, progress: &mut Progress) -> Result<(), Trouble> {
    let conversation = connect(relay, progress).await?;
    conversation.say_goodbye().await;
    Ok(())
}

struct Session<'a> {
    conversation: Conversation,
    relay: &'a Relay,
    letter: &'a dyn Letter,
    progress: &'a mut Progress,
    /// When the attempt must be over.
    until: Instant,
    /// The recipient that the relay was asked for last, while it has not answered.
    asked_for: Option<usize>,
    /// Whether the relay is known to be there: the conversation was begun for this mail, or it has taken the sender.
    is_proven: bool,
    /// Whether the next transaction can begin at once: the latest one, if there was any, came to its end.
    is_clean: bool,
    /// Whether several commands may be sent at once, if the relay takes them.
    may_hurry: bool,
    /// Whether all commands before the mail have been sent, and only their answers are to be read.
    is_ahead: bool,
    /// The conversation ended, or went silent, while answers to several commands were read: some that were given may be
    /// lost, or still held back.
    is_doubtful: bool,
}

impl Session<'_> {
    /// One transaction after another, until every recipient at one of `places` was tried.
    async fn send_all(&mut self, places: Vec<usize>) -> Result<(), Trouble> {
        let mut batches = VecDeque::from([self.reachable(places)?]);
        while let Some(batch) = batches.pop_front() {
            if batch.is_empty() {
                continue;
            }
            if !self.is_clean {
                let reset = self.conversation.connection.command(Rset).await;
                reset.map_err(|error| self.trouble(&error))?;
            }
            let taken = self.progress.taken.len();
            batches.extend(self.transaction(batch).await?);
            self.is_clean = self.progress.taken.len() > taken;
        }
        Ok(())
    }

    /// The recipients at `places` whose addresses this relay can read.
    fn reachable(&mut self, places: Vec<usize>) -> Result<Vec<usize>, Trouble> {
        let recipients = self.letter.recipients();
        let info = self.conversation.connection.server_info();
        if info.supports_feature(Extension::SmtpUtfEight) {
            return Ok(places);
        }
        let relay = self.relay;
        let missing = format!("the relay {relay} takes only ASCII in addresses (no SMTPUTF8)");
        if !AsRef::<str>::as_ref(self.letter.sender()).is_ascii() {
            return Err(Trouble::new(format!("{missing}: check `from`")));
        }
        let is_ascii = |place: &usize| AsRef::<str>::as_ref(&recipients[*place]).is_ascii();
        let (reachable, others) = places.into_iter().partition(is_ascii);
        let waiting = Vec::into_iter(others).map(|place| (place, missing.clone()));
        self.progress.waiting.extend(waiting);
        Ok(reachable)
    }

    /// One mail to as many of `batch` as the relay takes at once; returns the batches that are left.
    async fn transaction(&mut self, batch: Vec<usize>) -> Result<Vec<Vec<usize>>, Trouble> {
        self.progress.step = Step::Mail;
        let mail = self.letter.written(&batch)?;
        let from = Mail::new(
            Some(self.letter.sender().clone()),
            self.parameters(&batch, &mail),
        );
        self.is_ahead = self.may_hurry && self.conversation.pipelines && batch.len() <= AT_ONCE;
        // A relay may keep all its answers back until it has done with the last recipient.
        let is_for_several = self.letter.recipients().len() > 1;
        let patience = match self.is_proven {
            true if self.is_ahead => self.patience(),
            true => Duration::MAX,
            false => FIRST_REPLY.min(self.patience()),
        };
        let begun = tokio::time::timeout(patience, self.begin(from, &batch)).await;
        let is_silent = match &begun {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => Reply::of(error).is_none(),
            Err(_) => true,
        };
        self.is_doubtful = self.is_ahead && is_for_several && is_silent;
        let begun = begun.map_err(|_| Trouble::silent(self.relay, Step::Mail, patience))?;
        let begun = begun.map_err(|error| self.trouble(&error))?;
        self.fitting(&begun)?;
        self.is_proven = true;
        self.progress.step = Step::Rcpt;
        let mut accepted = Vec::new();
        let mut left = Vec::new();
        for place in batch {
            match self.ask_for(place).await? {
                None => accepted.push(place),
                Some((Meaning::TooMany, _)) if !accepted.is_empty() => left.push(place),
                Some((Meaning::NoSuchRecipient, reply)) => {
                    self.progress.refused.push((place, reply.to_string()));
                }
                Some((_, reply)) => self.wait([place], Step::Rcpt, &reply),
            }
        }
        if accepted.is_empty() {
            self.call_off().await?;
            return Ok(vec![left]);
        }
        self.progress.step = Step::Data;
        let connection = &mut self.conversation.connection;
        let asked = match self.is_ahead {
            true => connection.read_response().await,
            false => connection.command(Data).await,
        };
        match asked {
            Ok(reply) => self.fitting(&reply)?,
            Err(error) => {
                let reply = self.refusal(error)?;
                self.wait(accepted, Step::Data, &reply);
                return Ok(vec![left]);
            }
        }
        self.progress.step = Step::End;
        let connection = &mut self.conversation.connection;
        let sent = match std::str::from_utf8(&mail) {
            Ok(mail) => connection.command(Content(mail)).await,
            Err(_) => connection.message(&mail).await,
        };
        match sent {
            Ok(reply) => {
                self.fitting(&reply)?;
                let words: Vec<&str> = reply.message().collect();
                self.progress.said = format!("{} {}", reply.code(), words.join(" "));
                self.progress.taken.extend(accepted);
                Ok(vec![left])
            }
            Err(error) => {
                let reply = self.refusal(error)?;
                let mut batches = self.refused_at_the_end(accepted, &reply)?;
                batches.push(left);
                Ok(batches)
            }
        }
    }

    /// Names the sender, and all that comes before the mail if the relay takes that at once.
    async fn begin(&mut self, from: Mail, batch: &[usize]) -> Result<Response, Error> {
        let connection = &mut self.conversation.connection;
        if !self.is_ahead {
            return connection.command(from).await;
        }
        let recipients = self.letter.recipients();
        let to = batch.iter().map(|place| &recipients[*place]);
        let to = to.map(|address| Rcpt::new(address.clone(), Vec::new()));
        let to = to.collect();
        connection.command(Opening { from, to }).await
    }

    /// Ends a transaction in which no recipient was taken. The relay may wait for the mail already.
    async fn call_off(&mut self) -> Result<(), Trouble> {
        if !self.is_ahead {
            return Ok(());
        }
        let connection = &mut self.conversation.connection;
        let ended = match connection.read_response().await {
            Ok(_) => connection.command(".\r\n").await,
            refused => refused,
        };
        match ended {
            Ok(_) => Ok(()),
            Err(error) => self.refusal(error).map(drop),
        }
    }

    /// Asks for one recipient, or reads the answer; with why not, if the relay refuses.
    async fn ask_for(&mut self, place: usize) -> Result<Option<(Meaning, Reply)>, Trouble> {
        // A relay may look for a recipient's own one before it answers, in vain.
        let patience = self.patience();
        let recipients = self.letter.recipients();
        let (connection, is_ahead) = (&mut self.conversation.connection, self.is_ahead);
        let asked = async {
            match is_ahead {
                true => connection.read_response().await,
                false => {
                    let recipient = Rcpt::new(recipients[place].clone(), Vec::new());
                    connection.command(recipient).await
                }
            }
        };
        self.asked_for = Some(place);
        let answered = tokio::time::timeout(patience, asked).await;
        let answered = answered.map_err(|_| {
            self.is_doubtful = is_ahead;
            Trouble::silent(self.relay, Step::Rcpt, patience)
        })?;
        let refusal = match answered {
            Ok(reply) => {
                self.fitting(&reply)?;
                None
            }
            Err(error) => {
                self.is_doubtful = self.is_ahead && Reply::of(&error).is_none();
                let reply = self.refusal(error)?;
                Some((reply.meaning(Step::Rcpt), reply))
            }
        };
        self.asked_for = None;
        Ok(refusal)
    }

    /// The whole mail was refused although these recipients were not; returns the batches in which
    /// to try again.
    fn refused_at_the_end(
        &mut self,
        accepted: Vec<usize>,
        reply: &Reply,
    ) -> Result<Vec<Vec<usize>>, Trouble> {
        // One of them holds up all others, and only one mail each shows which.
        if reply.is_about_one_recipient() && accepted.len() > 1 {
            return Ok(accepted.into_iter().map(|place| vec![place]).collect());
        }
        match reply.meaning(Step::End) {
            Meaning::NotThisMail => return Err(Trouble::about_mail(self.relay, reply)),
            Meaning::NoSuchRecipient => {
                let refused = accepted.into_iter().map(|place| (place, reply.to_string()));
                self.progress.refused.extend(refused);
            }
            Meaning::Later | Meaning::TooMany => self.wait(accepted, Step::End, reply),
        }
        Ok(Vec::new())
    }

    /// These recipients are refused for now.
    fn wait(&mut self, places: impl IntoIterator<Item = usize>, step: Step, reply: &Reply) {
        let why = match reply.remedy(step) {
            Some(remedy) => format!("{reply}; {remedy}"),
            None => reply.to_string(),
        };
        let waiting = places.into_iter().map(|place| (place, why.clone()));
        self.progress.waiting.extend(waiting);
    }

    /// What the relay needs to know of a mail beforehand.
    fn parameters(&self, batch: &[usize], mail: &[u8]) -> Vec<MailParameter> {
        let recipients = self.letter.recipients();
        let addresses = batch.iter().map(|place| &recipients[*place]);
        let mut addresses = addresses.chain([self.letter.sender()]);
        let mut parameters = Vec::new();
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        parameters
    }

    /// How long an answer is waited for that may be about one of several recipients: the time that is left must do for
    /// the others, too. One alone may take all of it.
    fn patience(&self) -> Duration {
        match self.letter.recipients().len() {
            0 | 1 => Duration::MAX,
            _ => self.until.saturating_duration_since(Instant::now()) / 2,
        }
    }

    /// Whether `reply` answers what was said: a mail is taken only if the relay asked for it and then took it.
    fn fitting(&self, reply: &Response) -> Result<(), Trouble> {
        let step = self.progress.step;
        let expected = match step {
            Step::Data => Severity::PositiveIntermediate,
            _ => Severity::PositiveCompletion,
        };
        let code = reply.code();
        match code.severity == expected {
            true => Ok(()),
            false => Err(Trouble::unfitting(self.relay, step, code)),
        }
    }

    /// The reply in `error`, unless the conversation is over.
    fn refusal(&self, error: Error) -> Result<Reply, Trouble> {
        Reply::of(&error)
            .filter(|reply| !reply.ends_connection())
            .ok_or_else(|| self.trouble(&error))
    }

    fn trouble(&self, error: &Error) -> Trouble {
        Trouble::of(self.relay, self.progress.step, error)
    }
}
