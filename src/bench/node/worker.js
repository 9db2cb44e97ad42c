"use strict";

// The graphile-worker of the benchmark queue-peers: does what the lines on its input say and answers each on its output.
//   migrate    installs its schema                             -> migrated
//   work N     begins to work; N jobs later they are handled   -> begun (at the first job), handled
//   stop       ends the runner                                 -> stopped
// DATABASE_URL says where; the first argument is "batched" for the settings that its documentation names as fast.

const readline = require("node:readline");
const { Logger, run, runMigrations } = require("graphile-worker");

const CONNECTIONS = 16;
const BATCHED = { localQueue: { size: 500 }, completeJobBatchDelay: 0 };

const logger = new Logger(() => (level, message) => {
  if (level === "error") {
    process.stderr.write(`${message}\n`);
  }
});
const preset = {
  worker: {
    connectionString: process.env.DATABASE_URL,
    concurrentJobs: CONNECTIONS,
    maxPoolSize: CONNECTIONS,
    logger,
    ...(process.argv[2] === "batched" ? BATCHED : {}),
  },
};

let runner;

const say = (word) => process.stdout.write(`${word}\n`);

async function work(jobs) {
  let handled = 0;
  const noop = () => {
    handled++;
    if (handled === 1) {
      say("begun");
    }
    if (handled === jobs) {
      say("handled");
    }
  };
  runner = await run({ preset, taskList: { noop }, noHandleSignals: true });
}

const commands = {
  migrate: async () => {
    await runMigrations({ preset });
    say("migrated");
  },
  work: ([jobs]) => work(Number(jobs)),
  stop: async () => {
    await runner.stop();
    say("stopped");
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, ...rest] = line.split(" ");
    await commands[command](rest);
  }
}

main().catch((failed) => {
  process.stderr.write(`${failed.stack}\n`);
  process.exit(1);
});
