//! The real program in a real folder.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use super::{
    http::{self, Answer},
    outbox::{self, Letter},
};

/// A newsroom's folder for the program, gone when dropped.
pub struct Folder {
    root: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Fails unless the command did what was asked.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// The last line of the data.
    pub fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }
}

impl Folder {
    fn empty() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self { root: temporary.path().to_path_buf(), _temporary: Some(temporary) }
    }

    /// One that is there, and whose owner removes it.
    pub fn existing(root: &Path) -> Self {
        Self { root: root.to_path_buf(), _temporary: None }
    }

    /// Empty but for a config.
    pub fn with_config(config: &str) -> Self {
        let folder = Self::empty();
        folder.write("config.toml", config);
        folder
    }

    /// A copy of the newsroom in the repository.
    pub fn sample() -> Self {
        let folder = Self::empty();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["articles", "templates", "i18n", "subscribers"] {
            copy(&repository.join(name), &folder.path(name));
        }
        fs::copy(repository.join("config.toml"), folder.path("config.toml")).unwrap();
        folder
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Writes a file as most editors do: a temporary file, renamed.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let temporary = path.with_file_name(".being-written.tmp");
        fs::write(&temporary, text).unwrap();
        fs::rename(&temporary, &path).unwrap();
    }

    /// Writes into the file itself, as other editors do.
    pub fn write_in_place(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_byline"));
        // As people run it: from within.
        command.current_dir(self.root()).args(arguments).env("NO_COLOR", "1");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[])
    }

    /// The same with variables in its environment.
    pub fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let output =
            self.command(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn serve(&self) -> Serving {
        self.serve_with(&[])
    }

    /// Starts `serve` on a free port and waits until it listens.
    pub fn serve_with(&self, environment: &[(&str, &str)]) -> Serving {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.envs(environment.iter().copied());
        Self::start(command)
    }

    /// Starts `serve`, and waits until it hears of saves.
    pub fn serve_watching(&self) -> Serving {
        let serving = self.serve_with(&[("BYLINE_LOG", "byline=debug")]);
        // And until the look is over that it takes when watching has begun.
        let steps = ["watching the author", "looking at everything", "looked through"];
        super::wait_until("it to watch", 20, || {
            let talk = serving.talk();
            steps.iter().try_fold(talk.as_str(), |rest, step| Some(rest.split_once(step)?.1)).is_some()
        });
        serving
    }

    /// Starts `preview` on a free port, and waits until it listens.
    pub fn preview(&self, newsletter: &str) -> Serving {
        Self::start(self.command(&["preview", newsletter, "--listen", "127.0.0.1:0"]))
    }

    /// Starts a command that serves on a free port, and waits until it says where.
    pub fn start(mut command: Command) -> Serving {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let talk = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let heard = talk.clone();
        let listening = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        let mut said = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let start = said.len();
            if stdout.read_line(&mut said).unwrap() == 0 {
                let _ = child.wait();
                listening.join().unwrap();
                panic!("it did not start: {said:?}\n{}", talk.lock().unwrap());
            }
            if let Some((_, address)) = said[start..].trim().split_once("http://") {
                break address.trim_end_matches('/').to_string();
            }
        };
        Serving { child, address, talk, listening: Some(listening), _stdout: stdout }
    }

    /// The same once more, elsewhere.
    pub fn copied(&self) -> Folder {
        let folder = Folder::with_config(&self.read("config.toml"));
        copy(self.root(), folder.root());
        folder
    }

    /// What was put off is due now, as if its time had come.
    pub fn hasten(&self) {
        let store = rusqlite::Connection::open(self.path("data/byline.sqlite")).unwrap();
        store.busy_timeout(Duration::from_secs(20)).unwrap();
        store
            .execute("UPDATE delivery SET not_before = 0 WHERE state IN ('deferred', 'pending')", [])
            .unwrap();
    }

    pub fn letters(&self) -> Vec<Letter> {
        outbox::letters(&self.path("outbox"))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// `byline serve`, running; killed when dropped.
pub struct Serving {
    child: Child,
    pub address: String,
    talk: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Serving {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn get(&self, path: &str) -> Answer {
        http::get(&self.address, path)
    }

    /// All of it, as a reader that had something else: one that asks politely may ask without end.
    pub fn poll(&self, path: &str) -> Answer {
        self.request("GET", path, &[("If-None-Match", "\"other\"")], "")
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        http::request(&self.address, method, path, headers, body)
    }

    /// What it said on stderr so far.
    pub fn talk(&self) -> String {
        self.talk.lock().unwrap().clone()
    }

    /// Asks it to stop, and waits; its exit code.
    pub fn stop(mut self) -> i32 {
        signal(self.pid(), "TERM");
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// As a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

pub fn signal(pid: u32, name: &str) {
    Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
}
