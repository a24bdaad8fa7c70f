//! Certificates of an authority of a test's own.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Certificates in a folder: of an authority, of the server, of a node.
pub(crate) struct Certificates(PathBuf);

impl Certificates {
    /// Makes them in a folder, which is removed with them.
    pub(crate) fn make(folder: PathBuf) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join("ca.key"), key.serialize_pem()).unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        for name in ["server", "node"] {
            let key = KeyPair::generate().unwrap();
            let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
            let cert = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
            fs::write(folder.join(format!("{name}.pem")), cert.pem()).unwrap();
            fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Certificates(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The configuration of a server with TLS that also asks nodes for their certificate.
    pub(crate) fn of_server(&self) -> String {
        let [cert, key, ca] = ["server.pem", "server.key", "ca.pem"].map(|name| self.path(name));
        format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}\n")
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
