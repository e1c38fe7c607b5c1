//! Sends letters through lettre's pool: pooled PORT CONNECTIONS LETTERS BYTES

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::MultiPart,
    transport::smtp::PoolConfig,
};

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let mut number = || numbers.next().expect("PORT CONNECTIONS LETTERS BYTES");
    let (port, connections, letters, bytes) = (number(), number(), number(), number());
    let pool = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(port as u16)
        .pool_config(PoolConfig::new().max_size(connections as u32))
        .build();
    let text = "Dear reader, water runs under the town. ".repeat(bytes / 2 / 40);
    let html = "<p>Dear reader, water runs under the town.</p>".repeat(bytes / 2 / 46);
    let next = Arc::new(AtomicUsize::new(0));
    let lanes: Vec<_> = (0..connections)
        .map(|_| {
            let (pool, text, html, next) = (pool.clone(), text.clone(), html.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= letters {
                        return;
                    }
                    let message = Message::builder()
                        .from("Shirin Example <shirin@review.example.org>".parse().expect("an address"))
                        .to(format!("reader{number}@example.org").parse().expect("an address"))
                        .subject(format!("Dispatches {number}"))
                        .multipart(MultiPart::alternative_plain_html(
                            format!("Dear {number},\n{text}"),
                            format!("<p>Dear {number},</p>{html}"),
                        ))
                        .expect("a message");
                    pool.send(message).await.expect("it is taken");
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.expect("no lane panics");
    }
}
