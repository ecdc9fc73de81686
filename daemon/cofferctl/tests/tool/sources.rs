//! Where facts are read from: what holds none is refused, and never taken for a machine without any.

use std::fs;

use crate::bench::Bench;

impl Bench {
    /// One machine of the lab, its facts and its evidence in files, and the lab's policy.
    fn with_facts() -> Self {
        let bench = Self::new();
        bench.machine("st1");
        bench.policy();
        let facts = ["--json", "hw", "facts", "--sysroot", "st1"];
        let evidence = [&facts[..], &["--evidence", "lab"]].concat();
        for (name, arguments) in [("facts.json", &facts[..]), ("evidence.json", &evidence)] {
            fs::write(bench.at(name), bench.run(arguments).stdout).expect("written");
        }
        bench
    }
}

#[test]
fn what_holds_no_facts_is_the_same_as_nothing() {
    let bench = Bench::with_facts();
    for (name, content) in [
        ("empty.json", ""),
        ("null.json", "null"),
        ("object.json", "{}"),
        ("result.json", r#"{"result": {}}"#),
        ("later.json", r#"{"version": 3, "dmi": {}}"#),
        ("half.json", r#"{"version": 2}"#),
        (
            "refused.json",
            r#"{"verdict": "no", "exit": 65, "refusals": []}"#,
        ),
    ] {
        fs::write(bench.at(name), content).expect("written");
        bench.ends(&["hw", "diff", name, name], 65, "CL-045");
        bench.ends(&["hw", "diff", "facts.json", name], 65, "CL-045");
    }
    for name in ["nowhere", "/dev/null", "/dev/zero"] {
        bench.ends(&["hw", "diff", name, name], 65, "CL-045");
        let named = format!("st1={name}");
        let compare = ["hw", "compare", "--policy", "policy.toml", &named, &named];
        bench.ends(&compare, 65, "CL-045");
    }
    bench.ends(&["hw", "diff", "facts.json", "st1"], 0, "same:");
    bench.ends(
        &["hw", "diff", "evidence.json", "evidence.json"],
        0,
        "same:",
    );
}

#[test]
fn a_sysroot_that_is_not_there_or_no_directory_is_refused_by_every_reader() {
    let bench = Bench::with_facts();
    let check = ["--policy", "policy.toml", "--node", "st1"];
    let pin = ["--node", "st1", "--zone", "storage"];
    let readers = [
        (&["facts"][..], &[][..]),
        (&["check"], &check[..]),
        (&["pin"], &pin),
        (&["watch", "--for", "1"], &[]),
        (&["watch", "--for", "1"], &check),
    ];
    for (reader, more) in readers {
        let arguments = [&["hw"], reader, more, &["--sysroot", "nowhere"]].concat();
        bench.ends(&arguments, 65, "CL-045");
    }
    for (reader, more) in [readers[0], readers[2], readers[3]] {
        let arguments = [&["hw"], reader, more, &["--sysroot", "facts.json"]].concat();
        bench.ends(&arguments, 65, "no directory");
    }
}

#[test]
fn facts_that_come_through_a_pipe_are_read_as_from_a_file() {
    let bench = Bench::with_facts();
    for (name, exit, says) in [("facts.json", 0, "same:"), ("policy.toml", 65, "CL-045")] {
        let pipe = bench.at(&format!("pipe-of-{name}"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let bytes = fs::read(bench.at(name)).expect("a file");
        let named = pipe.display().to_string();
        let writer = std::thread::spawn(move || fs::write(pipe, bytes));
        bench.ends(&["hw", "diff", "st1", &named], exit, says);
        // A reader that refuses early does not read everything.
        drop(writer.join().expect("a writer"));
    }
}
