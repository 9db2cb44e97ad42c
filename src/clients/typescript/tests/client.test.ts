import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import {
  Larder,
  LeaseLostError,
  NoStockError,
  RefusedError,
  TimedOutError,
  UnauthorizedError,
  UnavailableError,
  WorkspaceFailedError,
  type ClaimRequest,
} from "../src/index.js";

const SERVER = process.env["LARDER_URL"] ?? "";
const TOKEN = process.env["LARDER_TOKEN"] ?? "";
const larder = Larder.fromEnvironment();

function of(template: string, preset: string): ClaimRequest {
  return { organization: "clients", template, preset, ttlSeconds: 60, labels: { run: crypto.randomUUID() } };
}

function box(): ClaimRequest {
  return { ...of("box", "one"), policy: "wait" };
}

/** The ids of the claims with these labels, as the server knows them. */
async function claimed(request: ClaimRequest): Promise<string[]> {
  const answer = await fetch(`${SERVER}/api/v1/claims?label=run=${request.labels?.["run"]}`, {
    headers: { Authorization: `Bearer ${process.env["LARDER_TEST_ADMIN_TOKEN"]}` },
  });
  return ((await answer.json()) as { items: { id: string }[] }).items.map((item) => item.id);
}

/** Loses answers and refuses requests, as networks and load balancers do. */
class Between {
  asked = 0;
  cut = false;
  readonly #server: Server;

  constructor(method: string, lose: number, busy: number) {
    this.#server = createServer(async (incoming, out) => {
      this.asked++;
      const parts: Buffer[] = [];
      for await (const part of incoming) parts.push(part as Buffer);
      const applies = incoming.method === method;
      if (this.cut) return void incoming.socket.destroy();
      if (applies && busy-- > 0) return void out.writeHead(503, { "Retry-After": "0" }).end();
      const headers = new Headers(incoming.headers as Record<string, string>);
      for (const own of ["connection", "content-length", "host", "transfer-encoding"]) headers.delete(own);
      const body = parts.length > 0 ? { body: Buffer.concat(parts) } : {};
      const answer = await fetch(SERVER + incoming.url, { method: incoming.method ?? "GET", headers, ...body });
      const text = await answer.text();
      if (applies && lose-- > 0) return void incoming.socket.destroy();
      out.writeHead(answer.status, { "Content-Type": "application/json" }).end(text);
    });
  }

  async client(): Promise<Larder> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const { port } = this.#server.address() as AddressInfo;
    return new Larder({ server: `http://127.0.0.1:${port}`, token: TOKEN, retrySeconds: 5 });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

describe("a client", { concurrency: 4 }, () => {
  it("waits for a claimed database, renews, uses and releases it", async () => {
    const claim = await larder.waitUntilReady(await larder.claim({ ...of("orders", "small"), policy: "wait" }));

    const renewed = await larder.renew(claim.id, 600);
    const socket = connect(Number(claim.outputs["port"]), claim.outputs["host"]);
    await once(socket, "connect");
    socket.destroy();
    await larder.release(claim.id);
    await larder.release(claim.id);

    assert.ok(renewed.expiresAt && claim.expiresAt && renewed.expiresAt > claim.expiresAt);
    assert.equal((await larder.get(claim.id)).status, "released");
  });

  it("chooses the preset by parameters", async () => {
    const request: ClaimRequest = {
      organization: "clients",
      template: "orders",
      parameters: { region: "zurich" },
      policy: "wait",
    };

    assert.equal(await larder.withClaim(request, async (claim) => claim.workspace?.preset), "zurich");
  });

  for (const [lose, busy] of [
    [1, 0],
    [0, 2],
    [1, 1],
  ] as const) {
    it(`takes one workspace where ${lose} answers are lost and ${busy} requests are refused`, async () => {
      const between = new Between("POST", lose, busy);
      const request = box();
      try {
        const claim = await (await between.client()).claim(request);

        assert.deepEqual(await claimed(request), [claim.id]);
        assert.equal(between.asked, 1 + lose + busy);
        await larder.release(claim.id);
      } finally {
        between.close();
      }
    });
  }

  it("says with a class and the server's code what went wrong", async () => {
    const stranger = new Larder({ server: SERVER, token: "larder_not-a-token-at-all" });
    const nowhere = new Larder({ server: "http://127.0.0.1:9", token: "a-token", retrySeconds: 0.5 });

    await assert.rejects(larder.claim(of("box", "cold")), NoStockError);
    await assert.rejects(larder.claim({ ...of("box", "cold"), policy: "wait", timeoutSeconds: 1 }), NoStockError);
    await assert.rejects(larder.claim(of("no-such-template", "one")), { code: "template_not_found" });
    await assert.rejects(larder.claim({ ...box(), ttlSeconds: 99 * 86400 }), (refused) => {
      assert.ok(refused instanceof RefusedError);
      assert.equal(refused.code, "out_of_range");
      assert.deepEqual(
        refused.violations.map((violation) => violation.field),
        ["ttl"],
      );
      return true;
    });
    await assert.rejects(stranger.claim(box()), (refused) => {
      assert.ok(refused instanceof UnauthorizedError);
      assert.doesNotMatch(inspect(refused) + inspect(stranger), /not-a-token/);
      return true;
    });
    await assert.rejects(nowhere.claim(box()), UnavailableError);
  });

  it("reads the former name of the server's address where the name is not set", () => {
    delete process.env["LARDER_URL"];
    try {
      assert.throws(() => Larder.fromEnvironment(), TypeError);
      process.env["LARDER_SERVER"] = SERVER;
      assert.doesNotThrow(() => Larder.fromEnvironment());
    } finally {
      delete process.env["LARDER_SERVER"];
      process.env["LARDER_URL"] = SERVER;
    }
  });

  it("tells a build that failed from a wait that was too short", async () => {
    await assert.rejects(
      larder.withClaim({ ...of("broken", "cold"), policy: "cold" }, async () => undefined),
      WorkspaceFailedError,
    );
    const slow = await larder.claim({ ...of("slow", "cold"), policy: "cold" });

    await assert.rejects(larder.waitUntilReady(slow, { readySeconds: 1 }), TimedOutError);

    assert.equal((await larder.get(slow.id)).status, "active");
    await larder.release(slow.id);
  });

  it("renews while the block runs and while a cold build takes longer", async () => {
    const request: ClaimRequest = { ...of("slow", "cold"), policy: "cold", ttlSeconds: 2 };

    const id = await larder.withClaim(request, async (claim, signal) => {
      await pause(3000, undefined, { signal });
      assert.equal((await larder.get(claim.id)).status, "active");
      return claim.id;
    });

    assert.equal((await larder.get(id)).status, "released");
  });

  it("releases where the block fails", async () => {
    let id = "";
    const fails = larder.withClaim(box(), async (claim) => {
      id = claim.id;
      throw new RangeError("mine");
    });

    await assert.rejects(fails, { message: "mine" });

    assert.equal((await larder.get(id)).status, "released");
  });

  it("tells the block that its lease is lost", async () => {
    const lost = larder.withClaim({ ...box(), ttlSeconds: 2 }, async (claim, signal) => {
      await larder.release(claim.id);
      await once(signal, "abort");
    });

    await assert.rejects(lost, LeaseLostError);
  });

  it("loses a lease that cannot be renewed when its time is over", async () => {
    const between = new Between("POST", 0, 0);
    try {
      const far = await between.client();
      const lost = far.withClaim({ ...box(), ttlSeconds: 2 }, async (_, signal) => {
        between.cut = true;
        await once(signal, "abort");
        between.cut = false;
      });

      await assert.rejects(lost, { code: "expired" });
    } finally {
      between.close();
    }
  });

  it("shows no secret in a text, JSON or log", async () => {
    await larder.withClaim({ ...of("orders", "small"), policy: "wait" }, async (claim) => {
      const shown = inspect(claim, { depth: 9, showHidden: true }) + JSON.stringify(claim) + inspect(larder, { showHidden: true });

      assert.ok(claim.outputs["password"]);
      assert.ok(!shown.includes(claim.outputs["password"]));
      assert.ok(!shown.includes(TOKEN));
    });
  });
});
