use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::{server::Server, to_f64};

/// Cold start to the first 200 on an empty directory, memory at rest, the binary's size.
pub(super) fn start_and_size() {
    let mut starts = Vec::new();
    let mut resident = 0;
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let server = Server::start(directory.path(), &[]);
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        starts.push(began.elapsed());
        assert!(line.contains("200"), "{line}");
        // The memory of the one hash so far is given back by then.
        thread::sleep(Duration::from_secs(6));
        resident = server.resident_kilobytes();
    }
    starts.sort();
    println!("cold start to first 200   {:?} (median of 5; aim <= 300 ms)", starts[2]);
    println!("resident at rest          {:.1} MB (aim <= 40 MB)", to_f64(resident) / 1000.0);
    let binary = fs::metadata(Server::BINARY).unwrap().len();
    println!("binary                    {:.1} MB (aim <= 30 MB)", to_f64(binary) / 1e6);
}
