//! `sysconn check-config`: all problems with the options and the files that they name, and where each option
//! comes from. It changes nothing.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use log::LevelFilter;
use rustix::fs::{Access, FsWord, PROC_SUPER_MAGIC, access, statfs};
use sysconn::config::Listen;

use crate::admin::AdminToken;
use crate::auth::Auth;
use crate::options::{
    AuthOptions, Checked, ClusterOptions, LogFormat, Options, Sources, of_option, read, shown,
};
use crate::output::print;
use crate::run::start_log;
use crate::store::Store;
use crate::tls::TlsFiles;
use crate::{cluster, cpus, descriptors, wechat};

/// The kind of the file system at /sys (statfs(2)).
const SYSFS_MAGIC: FsWord = 0x6265_6572;

/// Checks the options of `serve`. Prints them with their sources unless `quiet`, and then a line for each
/// problem to standard error. Returns whether there is none.
///
/// Passwords and keys are in files only, whose contents are not printed.
///
/// # Errors
/// One line that says why the options cannot be printed. The problems are told all the same.
pub(crate) fn check(sources: &Sources, quiet: bool) -> Result<bool, String> {
    // Warnings about files go to the log.
    start_log(LevelFilter::Warn, LogFormat::Text);
    let Checked { options, mut problems, mut effective } = sources.check(read);
    for name in &options.ignored_environment {
        log::warn!("the environment variable {name} is no option of this program, and is ignored");
    }
    let asked = options.config.limits.max_connections;
    let mut checked = options.clone();
    descriptors::fit(&mut checked.config);
    let in_files = files(&mut checked);
    problems.extend(in_files.iter().map(|line| format!("sysconn: {}", options.origins.name_in(line))));
    for line in warnings(&checked) {
        log::warn!("{line}");
    }
    let allowed = checked.config.limits.max_connections.filter(|_| asked.is_none());
    for one in effective.iter_mut().filter(|one| one.key == "max_connections") {
        if let Some(allowed) = allowed {
            (one.value, one.origin) = (allowed.to_string(), "descriptor limit".to_owned());
        }
    }
    let mut lines = String::new();
    for one in effective.iter().filter(|_| !quiet) {
        let value = if one.value.is_empty() { "-" } else { &one.value };
        lines += &format!("{:<24} {value:<28} {}\n", one.key, one.origin);
    }
    let printed = print(&lines);
    let mut err = std::io::stderr().lock();
    for problem in &problems {
        // Standard error may have no reader.
        let _ = writeln!(err, "{problem}");
    }
    printed.map(|()| problems.is_empty())
}

/// What is wrong with files, directories and cores. Loads the certificate, which warnings depend on.
fn files(options: &mut Options) -> Vec<String> {
    let mut problems = vec![];
    match TlsFiles::both(options.tls_cert.clone(), options.tls_key.clone()) {
        Ok(Some(files)) => match files.load_all() {
            Ok(tls) => options.config.tls = Some(tls),
            Err(lines) => problems.extend(lines),
        },
        Ok(None) => {}
        Err(line) if options.names_refused(&line) => {}
        Err(line) => problems.push(line),
    }
    let own = AuthOptions { jwt_keys: None, ..options.auth.clone() };
    let jwt = AuthOptions { token_keys: None, ..options.auth.clone() };
    problems.extend([own, jwt].iter().filter_map(|one| Auth::open(one).err()));
    problems.extend(options.wechat_secret_file.as_deref().and_then(|path| wechat::check_secret(path).err()));
    // Without --admin nobody reads it, as a warning says.
    let token = options.admin.token_file.as_deref().filter(|_| options.admin.listen.is_some());
    let token = token.and_then(|path| AdminToken::open(path).err());
    problems.extend(token.map(of_option("admin-token-file")));
    problems.extend(options.cluster().map(cluster_files).unwrap_or_default());
    if let Some(path) = options.data.as_deref() {
        problems.extend(
            directory("data", path, true)
                .and_then(|()| Store::check_files(path).map_err(of_option("data")))
                .err(),
        );
    }
    problems.extend(options.record.as_deref().and_then(|path| directory("record", path, false).err()));
    problems.extend(options.config.listen.iter().filter_map(|listen| socket("listen", listen).err()));
    problems.extend(options.admin.listen.as_ref().and_then(|listen| socket("admin", listen).err()));
    problems.extend(options.cpu.and_then(|first| cpus::check(first, options.config.workers).err()));
    problems
}

/// What is wrong with the files for a cluster. A certificate or a key without the other has a line already.
fn cluster_files(options: &ClusterOptions) -> Vec<String> {
    let mut options = options.clone();
    if options.cert.is_none() || options.key.is_none() {
        (options.cert, options.key) = (None, None);
    }
    cluster::check(&options)
}

/// Checks that files can be made in a directory, or that it can be made, if the program would do that.
fn directory(option: &str, path: &Path, is_made: bool) -> Result<(), String> {
    let fail = |why: String| format!("--{option}: {}: {why}", shown(path));
    let checked = match path.metadata() {
        Ok(metadata) if !metadata.is_dir() => return Err(fail("not a directory".to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound && is_made => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            parent.unwrap_or(Path::new(".")).to_owned()
        }
        Err(error) => return Err(fail(error.to_string())),
        Ok(_) => path.to_owned(),
    };
    access(&checked, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| fail(error.to_string()))?;
    // The modes there let root write, and yet nothing can be made.
    if statfs(&checked).is_ok_and(|found| [PROC_SUPER_MAGIC, SYSFS_MAGIC].contains(&found.f_type)) {
        return Err(fail("files of the kernel are there, and no others can be made".to_owned()));
    }
    Ok(())
}

/// Checks that a Unix socket can be made at an address: there is a directory to write to, and at most a
/// socket with its name.
fn socket(option: &str, listen: &Listen) -> Result<(), String> {
    let Listen::Unix(path) = listen else { return Ok(()) };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    directory(option, parent.unwrap_or(Path::new(".")), false)?;
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(format!("--{option}: {listen}: something is there that is not a socket"))
        }
        _ => Ok(()),
    }
}

/// Options that are valid but have no effect, or work against each other.
fn warnings(options: &Options) -> Vec<String> {
    let own = [
        options.recording_warning(),
        options.wechat_warning(),
        options.blacklist_warning(),
        options.memory_warning(),
        options.admin_warning(),
        options.cluster_warning(),
    ];
    // Which sockets of systemd there will be is not known.
    let config = match options.from_systemd.is_empty() {
        true => options.admin.warnings_beside(&options.config),
        false => vec![],
    };
    let all = config.into_iter().chain(own.into_iter().flatten());
    all.filter(|line| !options.names_refused(line)).collect()
}
