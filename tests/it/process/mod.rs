//! The program itself, as a child process.

mod admin;
mod commands;
mod keys;
mod ledger;
mod logs;
mod nodes;
mod policy;
mod settings;
mod start;
mod stop;
mod tls;

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::NamedTempFile;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::support::{Answer, Client, Database, PASSWORD, http};

/// Only a program that hangs takes so long for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the program is called: from a directory, with nothing in its environment but this.
#[derive(Clone)]
pub struct Program {
    directory: PathBuf,
    variables: Vec<(String, String)>,
}

impl Program {
    /// With no setting but a free port.
    fn unconfigured(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), variables: Vec::new() }.with("ROLECALL_LISTEN", "127.0.0.1:0")
    }

    /// On this database, with an administrator whose password is known.
    pub fn on(database: &Database) -> Self {
        let program = database
            .settings()
            .iter()
            .fold(Self::unconfigured(database.directory()), |program, setting| program.with(setting.0, &setting.1));
        program
            .with("ROLECALL_ISSUER", "http://rolecall.example")
            .with("ROLECALL_ADMIN_PASSWORD", PASSWORD)
            .with("ROLECALL_ARGON2", "m=32,t=1,p=1")
    }

    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, variable: &str) -> Self {
        self.variables.retain(|(name, _)| name != variable);
        self
    }

    fn spawn(&self, arguments: &[&str]) -> Running {
        let stderr = NamedTempFile::new().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_rolecall"))
            .args(arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.reopen().unwrap())
            .spawn()
            .unwrap();
        let (line, lines) = unbounded_channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        Running { stdin: child.stdin.take(), child, lines, said: Vec::new(), stderr, url: String::new() }
    }

    /// Serves; returns when it says so.
    pub async fn start(&self) -> Running {
        let mut running = self.spawn(&[]);
        let is_last = |line: &String| line.contains("press Authorize") || line.contains("Lost the password?");
        while !running.said.last().is_some_and(is_last) {
            let line = timeout(PATIENCE, running.lines.recv()).await;
            running.said.push(line.ok().flatten().unwrap_or_else(|| panic!("it doesn't come up: {}", running.log())));
        }
        let url = running.said.iter().find_map(|line| line.strip_prefix("  Rolecall is ready at "));
        running.url = url.unwrap().to_owned();
        running
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_input(arguments, "").await
    }

    async fn run_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        let mut running = self.spawn(arguments);
        // A program that stops before it reads is no failure of the test.
        let _ = running.stdin.take().unwrap().write_all(input.as_bytes());
        running.finish().await
    }
}

/// The program while it runs; killed when dropped.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: UnboundedReceiver<String>,
    /// What it has printed so far, by line.
    said: Vec<String>,
    stderr: NamedTempFile,
    pub url: String,
}

impl Running {
    /// The first administrator's password, if it printed one.
    fn printed_password(&self) -> Option<&str> {
        self.said.iter().find_map(|line| line.strip_prefix("  Password     "))
    }

    pub fn anonymous(&self) -> Client {
        Client::new(&http(), &self.url, None)
    }

    async fn token(&self, username: &str, password: &str) -> Answer {
        let form = [("grant_type", "password"), ("username", username), ("password", password)];
        self.anonymous().form("/oauth/token", &form).await
    }

    pub async fn sign_in(&self, username: &str, password: &str) -> Client {
        let answer = self.token(username, password).await.assert(200);
        Client::new(&http(), &self.url, answer.body["access_token"].as_str())
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.stderr.path()).unwrap()
    }

    /// Asks it to stop, as an operator would.
    fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        let kill = Command::new("sh").args(["-c", "kill -$1 \"$0\"", &self.child.id().to_string(), name]).status();
        assert!(kill.unwrap().success());
    }

    /// Asks it to stop, and waits until it has.
    async fn stop(self) -> Finished {
        self.terminate();
        self.finish().await
    }

    /// Waits until it ends: then its standard output does.
    async fn finish(mut self) -> Finished {
        let lines = async {
            while let Some(line) = self.lines.recv().await {
                self.said.push(line);
            }
        };
        let ended = timeout(PATIENCE, lines).await;
        assert!(ended.is_ok(), "it doesn't end: {}", self.log());
        let code = self.child.wait().unwrap().code();
        Finished { code, stdout: self.said.join("\n"), stderr: self.log() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is left of a program that ended.
#[derive(Debug)]
pub struct Finished {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Finished {
    #[track_caller]
    pub fn assert(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// It stopped as for a mistake in its settings, with a message that contains all of this.
    #[track_caller]
    fn assert_refused(self, words: &[&str]) -> Self {
        let finished = self.assert(1);
        for word in words {
            assert!(finished.stderr.contains(word), "{word:?} is not in {:?}", finished.stderr);
        }
        finished
    }
}
