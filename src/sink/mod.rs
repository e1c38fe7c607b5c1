//! A mail server to try sending against: it does what the recipient's name says, fails where it is told to, and
//! is the witness of what was handed over.
//!
//! Every letter that it takes is a line of `accepted.log`, on disk before the `250` leaves; so the log is right even
//! when the sender is killed between the two. It delivers nothing, and listens on this machine alone.
//!
//! | local part starts with | what happens                                                              |
//! |------------------------|---------------------------------------------------------------------------|
//! | `nouser`               | `550 5.1.1` at RCPT                                                       |
//! | `grey`, `greyer`       | `451 4.7.1` at the first RCPT, the first two, then fine                   |
//! | `full`                 | `452 4.2.2` at RCPT                                                       |
//! | `rate421`, `rate450`   | `421 4.7.28` and gone, `450 4.7.28`, at the first two RCPTs, then fine    |
//! | `policy`               | `550 5.7.26` at RCPT                                                      |
//! | `hangrcpt`, `hangdata` | the first RCPT, or DATA, is never answered, then fine                     |
//! | `closedata`            | hangs up at the first DATA, then fine                                     |
//! | `data4`, `data5`       | `451 4.3.0` at the first DATA, `554 5.5.0` at each                        |
//! | `late`, `thrice`       | `451 4.3.0` after the first final dot, the first two, then fine           |
//! | `never`, `auth`        | `554 5.6.0`, `550 5.7.515` after the final dot                            |
//! | `lost`, `reset`        | first dot: taken and written down, hung up, or reset, unanswered; then fine |
//! | `lostno`               | first dot: not taken, hung up; then fine                                  |
//! | `garbage`, `half`      | first dot: taken, answered with nonsense, with half an answer; then fine  |
//! | `mute`                 | the final dot is never answered, nothing is taken                         |
//! | anything else          | taken                                                                     |

mod conversation;
mod script;
mod witness;

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::Duration,
};

use self::{conversation::Conversation, script::Script, witness::Witness};
pub use self::{
    script::{Fault, Stage, Taken},
    witness::{Accepted, Keeping, LOG_NAME, read_log},
};

/// How long a client that goes on talking is heard out.
const HEARD_OUT: Duration = Duration::from_millis(200);

/// A running server; dropping it closes every connection and joins every thread.
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// What may be chosen before a server starts.
#[must_use = "it is no server yet"]
pub struct SinkBuilder {
    folder: PathBuf,
    keeping: Keeping,
    options: Options,
}

struct Options {
    reply_delay: Duration,
    idle_max: Option<Duration>,
    pipelining: bool,
    extensions: Vec<String>,
    is_old: bool,
    is_rash: bool,
    login: Option<(String, String)>,
    connections_max: Option<usize>,
    lost_per_mille: u32,
    seed: u64,
}

/// A moment at which something can be done, as killing the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// A client has connected, and is not greeted yet.
    Connected,
    /// EHLO has arrived, and is not answered yet. So of the others.
    Ehlo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The first line of a letter.
    Body,
    /// The final dot: nothing is taken yet.
    Dot,
    /// The letter is taken and written down, and nobody knows.
    Taken,
    /// The answer has left.
    Replied,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A recipient was named.
    Rcpt(String),
    /// A letter was taken for one.
    Taken(String),
}

impl SinkBuilder {
    /// Whoever says nothing for so long is hung up on, with a 421.
    pub fn idle_max(mut self, idle_max: Duration) -> Self {
        self.options.idle_max = Some(idle_max);
        self
    }

    /// How far away it is: slept before each packet of answers. What was said in one breath is answered in one.
    pub fn reply_delay(mut self, reply_delay: Duration) -> Self {
        self.options.reply_delay = reply_delay;
        self
    }

    /// Whether it offers PIPELINING (RFC 2920); it does if nothing is said.
    pub fn pipelining(mut self, pipelining: bool) -> Self {
        self.options.pipelining = pipelining;
        self
    }

    /// Offers these too.
    pub fn extensions(mut self, extensions: &[&str]) -> Self {
        self.options.extensions = extensions.iter().map(|offer| (*offer).to_string()).collect();
        self
    }

    /// Knows HELO alone.
    pub fn without_ehlo(mut self) -> Self {
        self.options.is_old = true;
        self
    }

    /// Says 354 to DATA although it refused the recipient.
    pub fn data_despite_refusal(mut self) -> Self {
        self.options.is_rash = true;
        self
    }

    /// Wants this login before MAIL.
    pub fn login(mut self, username: &str, password: &str) -> Self {
        self.options.login = Some((username.into(), password.into()));
        self
    }

    /// One more at a time is turned away with a 421.
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.options.connections_max = Some(connections);
        self
    }

    /// Of a thousand final dots, so many are taken and never answered: the connection is closed.
    pub fn lost_per_mille(mut self, lost: u32, seed: u64) -> Self {
        (self.options.lost_per_mille, self.options.seed) = (lost, seed);
        self
    }

    /// How much is kept of what it takes; everything if nothing is said.
    pub fn keeping(mut self, keeping: Keeping) -> Self {
        self.keeping = keeping;
        self
    }

    /// Listens on a free port of 127.0.0.1.
    pub fn listen(self) -> io::Result<Sink> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let witness = Witness::new(&self.folder, self.keeping)?;
        let state = State {
            witness,
            script: Script::default(),
            hooks: HashMap::new(),
            events: Vec::new(),
            offered: Vec::new(),
            connections: 0,
            open: HashMap::new(),
            open_peak: 0,
            bare_line_ends: 0,
            logins: 0,
            dots: 0,
            stopping: false,
        };
        let keeps = self.keeping == Keeping::Everything;
        let shared = Arc::new(Shared {
            options: self.options,
            keeps,
            state: Mutex::new(state),
            taken: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        let listener = Some(thread::spawn(move || listen(&listener, &serving)));
        Ok(Sink { address, shared, listener })
    }

    /// The same where there is no port to be had but for a fault of the machine.
    pub fn start(self) -> Sink {
        self.listen().expect("a free port and a folder to write to")
    }
}

impl Sink {
    /// A server that answers at once and logs into `folder`, which must exist.
    pub fn start(folder: &Path) -> Self {
        Self::builder(folder).start()
    }

    /// A server with something to choose.
    pub fn builder(folder: &Path) -> SinkBuilder {
        let options = Options {
            reply_delay: Duration::ZERO,
            idle_max: None,
            pipelining: true,
            extensions: Vec::new(),
            is_old: false,
            is_rash: false,
            login: None,
            connections_max: None,
            lost_per_mille: 0,
            seed: 0,
        };
        SinkBuilder { folder: folder.to_owned(), keeping: Keeping::Everything, options }
    }

    /// On 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on, so many times, this goes wrong there. Faults of one place come in their order.
    pub fn fault(&self, stage: Stage, fault: Fault, times: usize) {
        self.shared.state().script.add(stage, fault, Taken::No, times);
    }

    /// The same after the final dot, with the letter taken or not.
    pub fn fault_at_dot(&self, fault: Fault, taken: Taken, times: usize) {
        self.shared.state().script.add(Stage::Dot, fault, taken, times);
    }

    /// No more faults, but those by name.
    pub fn heal(&self) {
        self.shared.state().script.heal();
    }

    /// Does something at the `nth` such moment from now, before the server goes on.
    pub fn when(&self, moment: Moment, nth: usize, act: impl FnOnce() + Send + 'static) {
        self.shared.state().hooks.entry(moment).or_default().push((nth, Box::new(act)));
    }

    /// Everything taken so far, oldest first.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.state().witness.kept.iter().map(|(accepted, _)| accepted.clone()).collect()
    }

    /// Recipient and bytes (dots unstuffed) of everything taken so far, oldest first.
    pub fn messages(&self) -> Vec<(String, Vec<u8>)> {
        let state = self.shared.state();
        state
            .witness
            .kept
            .iter()
            .map(|(accepted, letter)| (accepted.recipient.clone(), letter.clone()))
            .collect()
    }

    /// Recipient and bytes of every letter that came to its final dot, taken or not, oldest first.
    pub fn offered(&self) -> Vec<(String, Vec<u8>)> {
        self.shared.state().offered.clone()
    }

    /// How many letters were taken.
    pub fn taken(&self) -> usize {
        self.shared.state().witness.taken
    }

    /// Waits until at least `count` are taken; it may come back before the sender has read its `250`.
    pub fn wait_for(&self, count: usize, deadline: Duration) -> Vec<Accepted> {
        let waiting = self.shared.state();
        let (state, _) = self
            .shared
            .taken
            .wait_timeout_while(waiting, deadline, |state| state.witness.taken < count)
            .expect("no thread panicked with the lock");
        drop(state);
        let accepted = self.accepted();
        assert!(accepted.len() >= count, "{count} letters wanted within {deadline:?}, got {accepted:#?}");
        accepted
    }

    /// What happened, in order.
    pub fn events(&self) -> Vec<Event> {
        self.shared.state().events.clone()
    }

    /// How often this recipient was named at RCPT, refused or not.
    pub fn attempts(&self, recipient: &str) -> usize {
        self.shared.state().script.attempts(recipient)
    }

    /// How often a login was tried.
    pub fn logins(&self) -> usize {
        self.shared.state().logins
    }

    /// Connections ever opened.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// The most connections open at one time.
    pub fn connections_peak(&self) -> usize {
        self.shared.state().open_peak
    }

    /// CR without LF or LF without CR in letters; RFC 5321 §2.3.8 allows neither.
    pub fn bare_line_ends(&self) -> usize {
        self.shared.state().bare_line_ends
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.state().stop();
        // The listener sees that it must stop only when somebody connects.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            let ended = listener.join();
            assert!(ended.is_ok() || thread::panicking(), "the mail server panicked");
        }
    }
}

struct Shared {
    options: Options,
    keeps: bool,
    state: Mutex<State>,
    taken: Condvar,
}

type Hook = (usize, Box<dyn FnOnce() + Send>);

/// All that outlives a connection.
struct State {
    witness: Witness,
    script: Script,
    hooks: HashMap<Moment, Vec<Hook>>,
    events: Vec<Event>,
    offered: Vec<(String, Vec<u8>)>,
    connections: usize,
    open: HashMap<usize, TcpStream>,
    open_peak: usize,
    bare_line_ends: usize,
    logins: usize,
    dots: u64,
    stopping: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked with the lock")
    }

    fn open(&self) -> usize {
        self.state().open.len()
    }

    fn has_hook(&self, moment: Moment) -> bool {
        self.state().hooks.get(&moment).is_some_and(|hooks| !hooks.is_empty())
    }

    /// Does what was to be done at this moment.
    fn reach(&self, moment: Moment) {
        let mut due = Vec::new();
        if let Some(hooks) = self.state().hooks.get_mut(&moment) {
            for (left, _) in hooks.iter_mut() {
                *left = left.saturating_sub(1);
            }
            due = hooks.extract_if(.., |(left, _)| *left == 0).collect();
        }
        due.into_iter().for_each(|(_, act)| act());
    }

    fn happens(&self, event: Event) {
        if self.keeps {
            self.state().events.push(event);
        }
    }

    fn offer(&self, recipients: &[String], letter: &[u8]) {
        if self.keeps {
            let offered = recipients.iter().map(|recipient| (recipient.clone(), letter.to_vec()));
            self.state().offered.extend(offered);
        }
    }

    /// Whether this dot is one of those that are never answered: the same ones for the same seed.
    fn is_to_be_lost(&self) -> bool {
        let Options { lost_per_mille, seed, .. } = self.options;
        let mut state = self.state();
        state.dots += 1;
        let mut mixed = seed ^ state.dots.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 33) % 1000 < u64::from(lost_per_mille)
    }

    fn take(
        &self,
        connection: usize,
        envelope: (&str, &[String]),
        letter: &[u8],
        replied: bool,
    ) -> io::Result<()> {
        let mut state = self.state();
        state.witness.take(connection, envelope, letter, replied)?;
        if self.keeps {
            state.events.extend(envelope.1.iter().cloned().map(Event::Taken));
        }
        drop(state);
        self.taken.notify_all();
        Ok(())
    }

    /// Forgets a connection, so that its end is the end of its last handle.
    fn let_go(&self, number: usize) {
        self.state().open.remove(&number);
    }
}

impl State {
    /// The number of a new connection, or `None` if the server is stopping.
    fn open(&mut self, stream: TcpStream) -> Option<usize> {
        if self.stopping {
            return None;
        }
        self.connections += 1;
        self.open.insert(self.connections, stream);
        self.open_peak = self.open_peak.max(self.open.len());
        Some(self.connections)
    }

    fn stop(&mut self) {
        self.stopping = true;
        for stream in self.open.values() {
            // One that its client has already closed needs no closing.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Accepts until told to stop, then waits for the conversations to end.
fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut conversations: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let Ok(clone) = stream.try_clone() else { continue };
        let Some(number) = shared.state().open(clone) else { break };
        let shared = Arc::clone(shared);
        conversations.retain(|conversation| !conversation.is_finished());
        conversations.push(thread::spawn(move || {
            // A client that is killed resets its connection: for this server no more than a goodbye.
            let _ = Conversation::new(number, &stream, &shared).and_then(Conversation::hold);
            // The state holds a clone, so that dropping ours would not close it. One that is to be reset must not
            // be shut down first.
            if shared.state().open.remove(&number).is_some() {
                hang_up(&stream);
            }
        }));
    }
    for conversation in conversations {
        let _ = conversation.join(); // its panic was printed
    }
}

/// Says no more, and hears the client out for a moment: what it has said already and nobody has read would make
/// a reset of the end, and take the last answer with it.
fn hang_up(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(HEARD_OUT));
    let mut unread = [0; 4096];
    while io::Read::read(&mut &*stream, &mut unread).is_ok_and(|read| read > 0) {}
    let _ = stream.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests;
