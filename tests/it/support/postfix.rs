//! A real mail server: Debian's Postfix, private to one folder, delivering `@example.org` to Maildirs and nothing else.
//!
//! Needs root, and the packages postfix, sasl2-bin, libsasl2-modules, libsasl2-modules-db and openssl; the packaged
//! service may run or not. Mail to a local part that starts with `nouser` is refused with `550 5.1.1`.
//! For a server that misbehaves see `byline::sink`.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

const READY_WITHIN: Duration = Duration::from_secs(20);
const LETTERS_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// A running Postfix; dropping it stops it.
pub struct Postfix {
    folder: PathBuf,
    ports: Ports,
    username: &'static str,
    password: &'static str,
}

struct Ports {
    submission: u16,
    implicit_tls: u16,
    plain: u16,
}

impl Postfix {
    /// Configures and starts a server below `folder`, which every user must be able to reach, as below `/tmp`.
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, "")
    }

    /// The same with more lines in its `main.cf`, which go before those that it has.
    pub fn start_with(folder: &Path, more: &str) -> Self {
        // tempfile makes folders for their owner alone; Postfix works as several users.
        fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("the folder is ours");
        let folder = folder.canonicalize().expect("the folder exists");
        let (username, password) = ("byline", "correct horse battery staple");
        let server = Self { folder, ports: Ports::free(), username, password };
        server.make_certificates();
        server.make_password_file();
        server.make_mail_folder();
        server.configure(more);
        server.postfix("start");
        server.wait_until_ready();
        server
    }

    /// On 127.0.0.1: STARTTLS, then AUTH, or nothing is taken.
    pub fn submission_port(&self) -> u16 {
        self.ports.submission
    }

    /// On 127.0.0.1: as the submission port, but TLS from the first byte.
    pub fn implicit_tls_port(&self) -> u16 {
        self.ports.implicit_tls
    }

    /// On 127.0.0.1: neither TLS nor AUTH.
    pub fn plain_port(&self) -> u16 {
        self.ports.plain
    }

    /// For AUTH PLAIN or LOGIN.
    pub fn username(&self) -> &'static str {
        self.username
    }

    /// For AUTH PLAIN or LOGIN.
    pub fn password(&self) -> &'static str {
        self.password
    }

    /// The PEM certificate of the authority that vouches for `localhost` and 127.0.0.1 here.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Local part and bytes (lines end with LF, as in any Maildir) of each letter, in the order of delivery.
    pub fn letters(&self) -> Vec<(String, Vec<u8>)> {
        let maildirs = entries(&self.mail_folder());
        let mut files: Vec<_> = maildirs.iter().flat_map(|maildir| entries(&maildir.join("new"))).collect();
        files.sort_by_key(|file| file.file_name().map(OsStr::to_owned));
        files.iter().map(|file| (local_part(file), fs::read(file).expect("a letter is readable"))).collect()
    }

    /// Waits until at least `count` letters have come.
    pub fn wait_for_letters(&self, count: usize) -> Vec<(String, Vec<u8>)> {
        let deadline = Instant::now() + LETTERS_WITHIN;
        loop {
            let letters = self.letters();
            if letters.len() >= count {
                return letters;
            }
            let came = letters.len();
            assert!(
                Instant::now() < deadline,
                "{count} letters wanted, {came} came; the log:\n{}",
                self.log()
            );
            thread::sleep(POLL);
        }
    }

    /// Where it logs.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("postfix.log")
    }

    /// What Postfix has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn config_folder(&self) -> PathBuf {
        self.folder.join("config")
    }

    fn mail_folder(&self) -> PathBuf {
        self.folder.join("mail")
    }

    fn postfix(&self, verb: &str) {
        run(Command::new("postfix").arg("-c").arg(self.config_folder()).arg(verb));
    }

    fn make_certificates(&self) {
        let write = |name, text| fs::write(self.folder.join(name), text).expect("the folder takes a file");
        write("openssl.cnf", OPENSSL_CNF);
        self.openssl("ca", &["-subj", "/CN=Byline test authority", "-extensions", "ca"]);
        let by_ca = ["-subj", "/CN=localhost", "-extensions", "server", "-CA", "ca.pem", "-CAkey", "ca.key"];
        self.openssl("server", &by_ca);
    }

    fn openssl(&self, name: &str, arguments: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(&self.folder).args([
            "req",
            "-x509",
            "-config",
            "openssl.cnf",
            "-days",
            "30",
            "-noenc",
        ]);
        openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
        run(openssl.args(arguments));
    }

    fn make_password_file(&self) {
        // Debian's smtpd looks for its SASL configuration here, whatever `cyrus_sasl_config_path` says.
        let sasl = self.config_folder().join("sasl");
        let passwords = self.folder.join("sasldb2");
        fs::create_dir_all(&sasl).expect("the folder is new");
        let config = format!(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\nmech_list: PLAIN LOGIN\n",
            passwords.display()
        );
        fs::write(sasl.join("smtpd.conf"), config).expect("the folder takes a file");
        let mut saslpasswd = Command::new("saslpasswd2");
        saslpasswd.args(["-p", "-c", "-u", "localhost", "-f"]).arg(&passwords).arg(self.username);
        feed(&mut saslpasswd, self.password);
        chown("postfix", &passwords);
    }

    fn make_mail_folder(&self) {
        fs::create_dir(self.mail_folder()).expect("the folder is new");
        chown("nobody", &self.mail_folder());
        fs::write(self.folder.join("deliver.sh"), DELIVER_SH).expect("the folder takes a file");
    }

    fn configure(&self, more: &str) {
        for folder in ["queue", "data"] {
            fs::create_dir(self.folder.join(folder)).expect("the folder is new");
        }
        chown("postfix", &self.folder.join("data"));
        let folder = self.folder.to_str().expect("a folder named in UTF-8");
        let config = self.config_folder();
        let write = |name, text: &str| fs::write(config.join(name), text).expect("the folder takes a file");
        write("main.cf", &format!("{}{more}", MAIN_CF.replace("FOLDER", folder)));
        age(&config.join("main.cf"));
        write("recipients", "!/^nouser/ exists\n");
        let Ports { submission, implicit_tls, plain } = self.ports;
        let ports =
            [("IMPLICIT_TLS_PORT", implicit_tls), ("SUBMISSION_PORT", submission), ("PLAIN_PORT", plain)];
        let master = MASTER_CF.replace("FOLDER", folder);
        write(
            "master.cf",
            &ports.iter().fold(master, |text, (name, port)| text.replace(name, &port.to_string())),
        );
    }

    /// `postfix start` comes back with the ports open; the greeting shows that a process answers.
    fn wait_until_ready(&self) {
        let deadline = Instant::now() + READY_WITHIN;
        while !greets(self.ports.plain) || !greets(self.ports.submission) {
            assert!(Instant::now() < deadline, "Postfix does not answer; its log:\n{}", self.log());
            thread::sleep(POLL);
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // No panic here: a start that failed has said so already, and there may be nothing to stop.
        let _ = Command::new("postfix").arg("-c").arg(self.config_folder()).arg("stop").output();
    }
}

impl Ports {
    /// Free just now: they are held together, so that they differ, and released together.
    fn free() -> Self {
        let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let [submission, implicit_tls, plain] = listeners
            .each_ref()
            .map(|listener| listener.local_addr().expect("a bound listener has an address").port());
        Self { submission, implicit_tls, plain }
    }
}

fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    stream.set_read_timeout(Some(READY_WITHIN)).expect("a time-out above zero");
    let mut greeting = String::new();
    let read = BufReader::new(&stream).read_line(&mut greeting);
    // A goodbye, so that a log without errors stays without.
    let left = (&stream).write_all(b"QUIT\r\n");
    read.is_ok() && left.is_ok() && greeting.starts_with("220 ")
}

/// What a folder holds; nothing if it is not there yet.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("a folder is readable").path()).collect()
}

/// The Maildir's name: `mail/LOCAL_PART/new/FILE`.
fn local_part(file: &Path) -> String {
    let maildir = file.ancestors().nth(2).and_then(Path::file_name).expect("a letter lies in a Maildir");
    maildir.to_string_lossy().into_owned()
}

/// Postfix reads `main.cf` again and again until it is two seconds old, lest an editor be at work on it.
fn age(main_cf: &Path) {
    let file = File::options().write(true).open(main_cf).expect("the file is ours");
    file.set_modified(SystemTime::now() - Duration::from_secs(10)).expect("the file is ours");
}

fn chown(user: &str, path: &Path) {
    run(Command::new("chown").arg(user).arg(path));
}

fn run(command: &mut Command) {
    feed(command, "");
}

/// What a command says that gets `input` on its stdin.
fn feed(command: &mut Command, input: &str) -> String {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error} (see the packages above)"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A command that reads nothing may be gone by now; its status tells whether it did its work.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("a child ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const OPENSSL_CNF: &str = "\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
";

// virtual(8) would do, but refuses a table that makes the Maildir's name from the address. The name of a file is the
// time of its delivery, by which `letters` sorts.
const DELIVER_SH: &str = r#"
case $1 in */*|.*) exit 67;; esac
maildir=$0; maildir=${maildir%/*}/mail/$1
name=$(date +%s.%N).$$
mkdir -p "$maildir/tmp" "$maildir/new" "$maildir/cur" && cat >"$maildir/tmp/$name" \
    && mv "$maildir/tmp/$name" "$maildir/new/$name" || exit 75
"#;

const MAIN_CF: &str = "\
compatibility_level = 3.6
queue_directory = FOLDER/queue
data_directory = FOLDER/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = FOLDER/postfix.log
maillog_file_prefixes = FOLDER

myhostname = mail.example.org
mynetworks_style = host
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
# A test hands in hundreds at once; the queue must not slow it down.
in_flow_delay = 0
# A letter arrives as it was sent: no From, Date or Message-Id added for a local client.
local_header_rewrite_clients =

# example.org stays here, everything else is refused: nothing ever leaves the machine.
mydestination =
alias_maps =
local_recipient_maps =
recipient_delimiter =
local_transport = error:5.1.1 no local mail here
relay_transport = error:5.7.1 no relaying here
default_transport = error:5.7.1 nothing leaves this machine
virtual_mailbox_domains = example.org
virtual_mailbox_maps = regexp:FOLDER/config/recipients
virtual_transport = maildir
maildir_destination_recipient_limit = 1

smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_chain_files = FOLDER/server.key, FOLDER/server.pem
smtpd_tls_security_level = none
smtpd_tls_auth_only = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = localhost
";

const MASTER_CF: &str = "\
127.0.0.1:PLAIN_PORT inet n - n - - smtpd
127.0.0.1:SUBMISSION_PORT inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:IMPLICIT_TLS_PORT inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
maildir   unix - n n - - pipe flags=DOR user=nobody argv=/bin/sh FOLDER/deliver.sh ${user}
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
";

#[cfg(test)]
mod tests {
    use super::*;

    /// An SMTP conversation by hand: the last line of each reply that is awaited.
    fn converse(port: u16, lines: &[&str]) -> Vec<String> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut replies = BufReader::new(&stream).lines().map(Result::unwrap);
        let mut reply = || replies.find(|line| line.get(3..4) == Some(" ")).unwrap_or_default();
        reply();
        let mut answers = Vec::new();
        for line in lines {
            (&stream).write_all(format!("{line}\r\n").as_bytes()).unwrap();
            answers.push(reply());
        }
        answers
    }

    /// What the server says over TLS, its certificate verified.
    fn openssl_client(server: &Postfix, port: u16, more: &[&str], input: &str) -> String {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost"]);
        openssl.args(["-connect", &format!("127.0.0.1:{port}"), "-CAfile"]).arg(server.ca_file()).args(more);
        let child = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    }

    // One server for all: a start takes most of a second.
    #[test]
    fn a_letter_is_delivered_and_strangers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let server = Postfix::start(folder.path());

        let message = "Subject: x\r\n\r\n..dot\r\n.";
        let lines = ["EHLO test", "MAIL FROM:<>", "RCPT TO:<mina+a@example.org>", "DATA", message, "QUIT"];
        let answers = converse(server.plain_port(), &lines);
        assert!(answers[4].starts_with("250 "), "{answers:?}");
        let (local_part, letter) = server.wait_for_letters(1).remove(0);
        assert_eq!(local_part, "mina+a");
        assert!(letter.ends_with(b"Subject: x\n\n.dot\n"), "{}", String::from_utf8_lossy(&letter));

        let strangers =
            ["EHLO test", "MAIL FROM:<>", "RCPT TO:<a@example.com>", "RCPT TO:<nouser@example.org>"];
        let answers = converse(server.plain_port(), &strangers);
        assert!(answers[2].starts_with("554 5.7.1"), "{answers:?}");
        assert!(answers[3].starts_with("550 5.1.1"), "{answers:?}");
        let answers = converse(server.submission_port(), &["EHLO test", "MAIL FROM:<>"]);
        assert!(answers[1].starts_with("530 "), "STARTTLS must come first: {answers:?}");

        // RFC 4616: NUL, user name, NUL, password.
        let plain = format!("\0{}\0{}", server.username(), server.password());
        let plain = feed(Command::new("openssl").args(["base64", "-A"]), &plain);
        let auth = format!("EHLO test\r\nAUTH PLAIN {plain}\r\nQUIT\r\n");
        let starttls = ["-starttls", "smtp"];
        for (port, more) in [(server.submission_port(), &starttls[..]), (server.implicit_tls_port(), &[])] {
            let said = openssl_client(&server, port, more, &auth);
            assert!(said.contains("235 2.7.0"), "{said}\n{}", server.log());
        }
        let stranger = "MAIL FROM:<>\r\nRCPT TO:<a@example.org>\r\nQUIT\r\n";
        let said = openssl_client(&server, server.submission_port(), &starttls, stranger);
        assert!(said.contains("554 5.7.1"), "AUTH must come first: {said}");

        drop(server);
        let config = folder.path().join("config");
        let status = Command::new("postfix").arg("-c").arg(config).arg("status").output().unwrap().status;
        assert!(!status.success(), "Postfix still runs");
    }
}
