// Sends letters through nodemailer's pool: node nodemailer.cjs PORT CONNECTIONS LETTERS BYTES
const nodemailer = require("nodemailer");
const [port, connections, letters, bytes] = process.argv.slice(2).map(Number);
const pool = nodemailer.createTransport({
  host: "127.0.0.1", port, secure: false, ignoreTLS: true,
  pool: true, maxConnections: connections, maxMessages: Infinity,
});
const text = "Dear reader, water runs under the town. ".repeat(bytes / 2 / 40);
const html = "<p>Dear reader, water runs under the town.</p>".repeat(bytes / 2 / 46);
let next = 0;
async function lane() {
  while (next < letters) {
    const number = next++;
    await pool.sendMail({
      from: "Shirin Example <shirin@review.example.org>", to: `reader${number}@example.org`,
      subject: `Dispatches ${number}`, text: `Dear ${number},\n${text}`, html: `<p>Dear ${number},</p>${html}`,
    });
  }
}
Promise.all(Array.from({ length: connections * 2 }, lane)).then(() => pool.close(), (why) => {
  console.error(why);
  process.exit(1);
});
