/**
 * A broker process for a test: started on a free port, ready when it says so, ended by the test.
 *
 * The binary is `TICKCAST_BIN_DIR/broker` (default: target/release); `TICKCAST_BROKER` may be a whole command instead.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const READY_MS = 30_000;
const EXIT_MS = 15_000;

export class Broker {
  #feed;
  #child = null;
  #output = "";
  port = 0;

  /** @param {string} feed a feed URL */
  static async start(feed) {
    const broker = new Broker();
    broker.#feed = feed;
    await broker.start();
    return broker;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get stream() {
    return `ws://127.0.0.1:${this.port}/v1/stream`;
  }

  /** Starts it, again on the same port if it ran before. */
  async start() {
    const [command, ...given] = brokerCommand();
    const args = [...given, "--listen", `127.0.0.1:${this.port}`, "--feed", this.#feed];
    // A developer's own settings must not reach the broker under test.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TICKCAST_")));
    this.#output = "";
    this.#child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on("data", (data) => (this.#output += data));
    this.#child.on("error", (error) => (this.#output += `${error}\n`));
    await until("the broker says where it listens", () => this.#findPort(), READY_MS);
    await until("the broker is ready", async () => (await fetch(`${this.url}/readyz`).catch(() => null))?.ok, READY_MS);
  }

  /** Ends it; `SIGTERM` is the orderly way. */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const killer = setTimeout(() => child.kill("SIGKILL"), EXIT_MS);
    await exited;
    clearTimeout(killer);
  }

  #findPort() {
    if (this.#child.exitCode !== null) throw new Error(`the broker ended:\n${this.#output}`);
    const found = this.#output.match(/https?:\/\/127\.0\.0\.1:(\d+)/);
    if (found && found[1] !== "0") this.port = Number(found[1]);
    return found;
  }
}

/** Waits until `condition` returns something true, and returns that. */
export async function until(what, condition, timeoutMs = 10_000) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function brokerCommand() {
  if (process.env.TICKCAST_BROKER) return process.env.TICKCAST_BROKER.split(/\s+/);
  const binary = `${process.env.TICKCAST_BIN_DIR ?? `${ROOT}target/release`}/broker`;
  if (!existsSync(binary)) throw new Error(`no ${binary}: cargo build --release -p broker, or set TICKCAST_BIN_DIR`);
  return [binary];
}
