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

    /// Reads both files, and logs warnings about dates and costly keys.
    ///
    /// # Errors
    /// One line that says which option names one that cannot be used, and why.
    #[expect(clippy::disallowed_methods, reason = "certificates are valid by the system clock")]
    pub(crate) fn load(&self) -> Result<Tls, String> {
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
    /// As those of [`load`](Self::load).
    #[cfg(feature = "cluster")]
    pub(crate) fn check(&self) -> Result<(), String> {
        self.read().map(drop)
    }

    /// What is in both files, and their content.
    fn read(&self) -> Result<(Tls, Vec<u8>, Vec<u8>), String> {
        let file = |option, path| {
            read(path).map_err(|error| format!("{option}: {}: cannot be read: {error}", shown(path)))
        };
        let [of_cert, of_key] = self.options;
        let (cert, key) = (file(of_cert, &self.cert)?, file(of_key, &self.key)?);
        let tls = Tls::from_pem(&cert, &key).map_err(|error| format!("{}: {error}", self.at_fault(error)))?;
        Ok((tls, cert, key))
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
