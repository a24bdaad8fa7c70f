//! Shared code of the servers on tokio: a runtime of one thread, and an echo that writes as rarely as
//! possible.

use std::sync::Arc;

use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::unconstrained;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Result;

/// Accepts connections, for ever. Tasks run without a budget, as the libraries' own benchmarks do.
pub fn serve<C, F, E>(connection: C) -> Result<()>
where
    C: Fn(TcpStream) -> F,
    F: Future<Output = std::result::Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // Clients leave without a Close frame: that error is not reported.
            tokio::spawn(unconstrained(connection(stream)));
        }
    })
}

/// The same over TLS.
pub fn serve_tls<C, F, E>(config: Arc<rustls::ServerConfig>, connection: C) -> Result<()>
where
    C: Fn(TlsStream<TcpStream>) -> F + Clone + Send + 'static,
    F: Future<Output = std::result::Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    let acceptor = TlsAcceptor::from(config);
    serve(move |stream| {
        let (accept, connection) = (acceptor.accept(stream), connection.clone());
        async move {
            match accept.await {
                Ok(stream) => connection(stream).await.map_err(|_| ()),
                Err(_) => Err(()),
            }
        }
    })
}

/// Sends back each message for which `is_data` is true. Messages that came together go out together.
pub async fn echo<S, M, E>(mut socket: S, is_data: impl Fn(&M) -> bool) -> std::result::Result<(), E>
where
    S: Stream<Item = std::result::Result<M, E>> + Sink<M, Error = E> + Unpin,
{
    while let Some(message) = socket.next().await {
        let mut next = Some(message);
        while let Some(message) = next {
            let message = message?;
            if is_data(&message) {
                socket.feed(message).await?;
            }
            next = socket.next().now_or_never().flatten();
        }
        socket.flush().await?;
    }
    Ok(())
}
