//! The certificate and key files, which are read at start and at SIGHUP.

use std::path::PathBuf;
use std::time::SystemTime;

use sysconn::{Tls, TlsError};

use crate::options::{read, shown};
use crate::{certificates, tally};

/// The paths of the certificate chain and its key, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    /// The options that name them.
    options: [&'static str; 2],
}

impl TlsFiles {
    /// Both paths, or none.
    ///
    /// # Errors
    /// One line, if only one of them is given.
    pub(crate) fn both(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<Self>, String> {
        match (cert, key) {
            (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key, options: ["--tls-cert", "--tls-key"] })),
            (None, None) => Ok(None),
            (Some(_), None) => Err("--tls-cert: expected --tls-key as well".to_owned()),
            (None, Some(_)) => Err("--tls-key: expected --tls-cert as well".to_owned()),
        }
    }

    /// Those with which a node shows NATS who it is.
    #[cfg(feature = "cluster")]
    pub(crate) fn of_cluster(cert: PathBuf, key: PathBuf) -> Self {
        TlsFiles { cert, key, options: ["--cluster-cert", "--cluster-key"] }
    }

    /// As [`load_all`](Self::load_all).
    ///
    /// # Errors
    /// The first line.
    pub(crate) fn load(&self) -> Result<Tls, String> {
        self.load_all().map_err(first)
    }

    /// Reads both files, and logs warnings about dates and costly keys.
    ///
    /// # Errors
    /// A line for each file that cannot be read, or one that says why they cannot be used. It begins with the
    /// option that names the file.
    #[expect(clippy::disallowed_methods, reason = "certificates are valid by the system clock")]
    pub(crate) fn load_all(&self) -> Result<Tls, Vec<String>> {
        let (tls, cert, key) = self.read()?;
        tally::certificate_ends(certificates::ends(&cert).unwrap_or_default());
        for line in certificates::warnings(&cert, SystemTime::now()) {
            log::warn!("{}: {line}", shown(&self.cert));
        }
        if let Some(line) = certificates::costly_key(&cert, &key) {
            log::warn!("{}: {line}", shown(&self.key));
        }
        Ok(tls)
    }

    /// Whether the files are a certificate and its key.
    ///
    /// # Errors
    /// As those of [`load_all`](Self::load_all).
    #[cfg(feature = "cluster")]
    pub(crate) fn check(&self) -> Result<(), Vec<String>> {
        self.read().map(drop)
    }

    /// What is in both files, and their content.
    fn read(&self) -> Result<(Tls, Vec<u8>, Vec<u8>), Vec<String>> {
        let file = |option, path| {
            read(path).map_err(|error| format!("{option}: {}: cannot be read: {error}", shown(path)))
        };
        let [of_cert, of_key] = self.options;
        let (cert, key) = match (file(of_cert, &self.cert), file(of_key, &self.key)) {
            (Ok(cert), Ok(key)) => (cert, key),
            (cert, key) => return Err(cert.err().into_iter().chain(key.err()).collect()),
        };
        match Tls::from_pem(&cert, &key) {
            Ok(tls) => Ok((tls, cert, key)),
            Err(error) => Err(vec![format!("{}: {error}", self.at_fault(error))]),
        }
    }

    /// The file or files that an error concerns, behind their options.
    fn at_fault(&self, error: TlsError) -> String {
        let (cert, key, [of_cert, of_key]) = (shown(&self.cert), shown(&self.key), self.options);
        match (error.concerns_certificate(), error.concerns_key()) {
            (true, false) => format!("{of_cert}: {cert}"),
            (false, true) => format!("{of_key}: {key}"),
            (true, true) | (false, false) => format!("{of_cert} and {of_key}: {cert} and {key}"),
        }
    }
}

/// The line of several for who says only one.
pub(crate) fn first(lines: Vec<String>) -> String {
    lines.into_iter().next().unwrap_or_default()
}
