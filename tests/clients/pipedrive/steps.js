// Pipedrive's own client against the sandbox: it reads, pages, writes, fails, refreshes its
// token and runs into limits. One JSON line a step; expected.jsonl holds what they must say.

const { v1, v2 } = require("pipedrive");

const sandbox = process.env.SANDBOX;
const host = `${sandbox}/pipedrive`;
const app = { clientId: "sandbox-app", clientSecret: "sandbox-app-secret" };

function say(step, told) {
  process.stdout.write(JSON.stringify({ step, ...told }) + "\n");
}

async function control(path, body) {
  const answer = await fetch(`${sandbox}/_sandbox/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
}

const assume = (name, value) => control("assumptions", { vendor: "pipedrive", name, value });

async function refusal(call) {
  try {
    await call();
    return { refused: false };
  } catch (error) {
    if (typeof error === "string") return { refused: true, html: error.startsWith("<!DOCTYPE") };
    const { success, code, errorCode, message, error: said } = error;
    return { refused: true, success, code, errorCode, said: said || message };
  }
}

function doors(key) {
  const one = { apiKey: key, basePath: `${host}/v1` };
  const two = { apiKey: key, basePath: `${host}/api/v2` };
  return [new v1.Configuration(one), new v2.Configuration(two)];
}

async function read(old, now) {
  const me = (await new v1.UsersApi(old).getCurrentUser()).data;
  say("me", { email: me.email, company: me.company_name });
  const users = (await new v1.UsersApi(old).getUsers()).data;
  const filters = (await new v1.FiltersApi(old).getFilters()).data;
  const fields = (await new v2.PersonFieldsApi(now).getPersonFields({ limit: 500 })).data;
  say("settings", {
    users: users.length,
    filters: filters.map((one) => one.name).sort(),
    codes: fields.filter((one) => one.field_name === "Code").length,
  });
  const found = await new v2.PersonsApi(now).searchPersons({ term: "an", limit: 3 });
  say("search", { items: found.data.items.length, kind: found.data.items[0].item.type });
}

async function page(now) {
  const seen = [];
  let pages = 0;
  let cursor;
  do {
    const answer = await new v2.PersonsApi(now).getPersons({ limit: 40, cursor });
    seen.push(...answer.data.map((person) => person.id));
    cursor = answer.additional_data.next_cursor;
    pages += 1;
  } while (cursor);
  const distinct = new Set(seen).size;
  const inOrder = seen.every((id, at) => at === 0 || id > seen[at - 1]);
  say("pages", { pages, complete: distinct === seen.length && distinct > 100, inOrder });
}

async function write(old, now) {
  const persons = new v2.PersonsApi(now);
  const field = (
    await new v2.PersonFieldsApi(now).addPersonField({
      AddPersonFieldRequest: { field_name: "Shoe size", field_type: "double" },
    })
  ).data;
  const person = (
    await persons.addPerson({
      AddPersonRequest: { name: "Zed Zeta", emails: [{ value: "zed@x.example" }] },
    })
  ).data;
  say("created", { first: person.first_name, emails: person.emails });
  const sized = await persons.updatePerson({
    id: person.id,
    UpdatePersonRequest: { name: "Zed Alpha", custom_fields: { [field.field_code]: 43.5 } },
  });
  say("updated", { name: sized.data.name, size: sized.data.custom_fields[field.field_code] });
  const note = (
    await new v1.NotesApi(old).addNote({
      AddNoteRequest: { content: "<b>hi</b><script>x</script>", person_id: person.id },
    })
  ).data;
  const deal = (
    await new v2.DealsApi(now).addDeal({
      AddDealRequest: { title: "Shoes", person_id: person.id, value: 10, currency: "EUR" },
    })
  ).data;
  const activity = (
    await new v2.ActivitiesApi(now).addActivity({
      AddActivityRequest: {
        subject: "Call", type: "call", participants: [{ person_id: person.id, primary: true }],
      },
    })
  ).data;
  say("tied", {
    note: note.content,
    deal: deal.person_id === person.id && deal.status,
    activity: activity.person_id === person.id,
  });
  const gone = await persons.deletePerson({ id: person.id });
  say("deleted", { same: gone.data.id === person.id });
}

async function fail(now) {
  const persons = new v2.PersonsApi(now);
  say("unknown id", await refusal(() => persons.getPerson({ id: 999999 })));
  const wrong = { AddPersonRequest: { name: "A", nickname: "B" } };
  say("unknown member", await refusal(() => persons.addPerson(wrong)));
  const strange = new v1.UsersApi(doors("nobody's key")[0]);
  say("unknown key", await refusal(() => strange.getCurrentUser()));
}

async function refresh() {
  const grant = new v2.OAuth2Configuration({ ...app, redirectUri: "http://127.0.0.1/back", host });
  const asked = await fetch(`${grant.authorizationUrl}&auto_approve=1`, { redirect: "manual" });
  const code = new URL(asked.headers.get("location")).searchParams.get("code");
  const given = await grant.authorize(code);
  say("granted", { type: given.token_type, seconds: given.expires_in });
  const now = { accessToken: grant.getAccessToken, basePath: grant.basePath };
  const pipelines = new v2.PipelinesApi(new v2.Configuration(now));
  say("by grant", { pipelines: (await pipelines.getPipelines()).data.length });
  await control("clock", { advance_s: 3600 });
  say("expired", await refusal(() => pipelines.getPipelines()));
  grant.expiresAt = 1; // the client goes by its own clock, and the sandbox's was moved
  say("refreshed", { pipelines: (await pipelines.getPipelines()).data.length });
  say("used code", await refusal(() => grant.authorize(code)));
  await grant.revokeToken("refresh_token");
  say("revoked", await refusal(() => pipelines.getPipelines()));
  say("no refresh", await refusal(() => grant.tokenRefresh()));
}

async function untilRefused(call, most) {
  for (let count = 0; count < most; count += 1) {
    const told = await refusal(call);
    if (told.refused) return { after: count, ...told };
  }
  return { after: most, refused: false };
}

async function limits(old) {
  const users = new v1.UsersApi(old);
  const call = () => users.getCurrentUser();
  await assume("daily_budget", 40);
  await control("clock", { advance_s: 24 * 3600 });
  const spent = await untilRefused(call, 100);
  say("day spent", spent);
  let blocked;
  for (let count = 0; count < 25; count += 1) blocked = await refusal(call);
  say("blocked", blocked);
  await control("clock", { advance_s: 24 * 3600 });
  say("next day", { me: (await call()).data.email });
}

async function main() {
  const [old, now] = doors("sandbox-pipedrive-admin");
  await read(old, now);
  await page(now);
  await write(old, now);
  await fail(now);
  await refresh();
  await limits(old);
}

main().catch((error) => {
  say("broken", { error: String(error.stack || JSON.stringify(error)) });
  process.exitCode = 1;
});
