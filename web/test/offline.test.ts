/** Without a network: what is said on either side meanwhile is there once, and in order. */
import { afterAll, describe, expect, test } from "vitest";
import { useStage } from "./hooks";
import { expectSame } from "./log";
import { offline } from "./network";
import { Stage } from "./stage";
import { Tunnel } from "./tunnel";
import { until } from "./until";

const OFFLINE_MS = 30_000;
/** By then a page has asked once whether anybody is there, and would have given up waiting for the answer. */
const QUIET_MS = 37_000;

describe("30 seconds", () => {
  const stage = useStage();

  test("offline, in both places at once; and a quiet line that stays", async () => {
    const { server, anna } = stage();
    const { visitor: quiet } = await stage().atLink(await stage().queue());
    const sockets: string[] = [];
    quiet.page.on("websocket", (socket) => sockets.push(socket.url()));
    await quiet.log.waitFor();
    const quietSince = Date.now();

    const queue = await stage().queue();
    const inShop = await stage().inShop(queue);
    await inShop.open();
    await inShop.start({ text: "Ze sklepu" });
    const first = await server.conversationOf(queue);
    const { visitor: atLink, conversation: second } = await stage().atLink(await stage().queue());
    await atLink.log.waitFor();
    const both = [
      { visitor: inShop, conversation: first },
      { visitor: atLink, conversation: second },
    ];
    for (const { visitor, conversation } of both) {
      await anna.claim(conversation);
      await visitor.sees(visitor.t("talks_to", { name: "Anna" }));
      await offline(visitor, true);
    }
    const back = new Promise((resolve) => setTimeout(resolve, OFFLINE_MS));
    for (const { visitor, conversation } of both) {
      await visitor.sees(visitor.t("offline"));
      for (const text of ["Pierwsze bez sieci", "Drugie bez sieci", "Trzecie bez sieci"]) {
        await visitor.say(text);
        await visitor.sees(text);
      }
      await visitor.seesFate("sending");
      await anna.say(conversation, "Słychać mnie?");
      await anna.say(conversation, "Halo?");
    }
    // This is the thing itself that is waited for.
    await back;
    for (const { visitor, conversation } of both) {
      expect(await visitor.messages(), "nothing has come meanwhile").not.toContain("Halo?");
      expect(anna.log(conversation).some(({ text }) => text?.includes("bez sieci"))).toBe(false);
      await offline(visitor, false);
    }
    for (const { visitor, conversation } of both) {
      await anna.hears(conversation, "Trzecie bez sieci");
      await visitor.seesNot(visitor.t("offline"));
      const messages = await expectSame(server, conversation, [visitor]);
      const theirs = messages.filter(({ by }) => by === "client").map(({ text }) => text);
      expect(theirs.slice(-3)).toEqual(["Pierwsze bez sieci", "Drugie bez sieci", "Trzecie bez sieci"]);
    }
    await until("it was quiet for long", () => Date.now() - quietSince > QUIET_MS, QUIET_MS);
    expect(await quiet.chat.getByText(quiet.t("reconnecting")).count()).toBe(0);
    expect(sockets.length, "nobody has opened a second one").toBeLessThanOrEqual(1);
  });
});

describe("a tunnel", () => {
  let stage: Stage | undefined;
  let tunnel: Tunnel | undefined;
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
    await tunnel?.[Symbol.asyncDispose]();
  });

  test("in which the line goes dead, and nobody says so", async () => {
    tunnel = await Tunnel.open();
    stage = await Stage.set({ config: { public_url: tunnel.origin } });
    tunnel.port = stage.server.port;
    const { visitor, conversation } = await stage.atLink(await stage.queue());
    expect(visitor.page.url()).toContain(tunnel.origin);
    await visitor.sees(visitor.t("next"));
    await stage.anna.claim(conversation);
    await visitor.sees(visitor.t("talks_to", { name: "Anna" }));
    tunnel.enter();
    await visitor.say("Z tunelu");
    await stage.anna.say(conversation, "Jesteś tam?");
    await visitor.seesFate("sending");
    await visitor.sees(visitor.t("reconnecting"));
    expect(await visitor.messages()).toEqual(["Z tunelu"]);
    tunnel.leave();
    await stage.anna.hears(conversation, "Z tunelu");
    await visitor.seesNot(visitor.t("reconnecting"));
    await expectSame(stage.server, conversation, [visitor]);
  });
});
