use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

/// The program itself; stopped when dropped.
pub(super) struct Server {
    process: Child,
    pub(super) address: String,
}

impl Server {
    pub(super) const BINARY: &str = env!("CARGO_BIN_EXE_rolecall");

    /// Returns when it says that it is ready.
    pub(super) fn start(directory: &Path, variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(Self::BINARY)
            .env_clear()
            .env("ROLECALL_LISTEN", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .current_dir(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = out.by_ref().map(Result::unwrap).find(|line| line.contains("ready at http://")).unwrap();
        thread::spawn(move || out.for_each(drop));
        Self { process, address: ready.split("http://").nth(1).unwrap().to_owned() }
    }

    /// The memory it has now.
    pub(super) fn resident_kilobytes(&self) -> u64 {
        self.memory("VmRSS")
    }

    /// The most memory it has had.
    pub(super) fn peak_kilobytes(&self) -> u64 {
        self.memory("VmHWM")
    }

    fn memory(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
