// Mailchimp's own client for Node against the sandbox, step by step as steps.py does it with the
// one for Python. One JSON line a step; expected.jsonl holds what both must say.

const http = require("http");
const zlib = require("zlib");
const mailchimp = require("@mailchimp/mailchimp_marketing");

const sandbox = process.env.SANDBOX;
const { lists, reports, batches } = mailchimp;
const STATUSES = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"];
mailchimp.basePath = `${sandbox}/mailchimp/3.0`;

function say(step, told) {
  process.stdout.write(JSON.stringify({ step, ...told }) + "\n");
}

async function control(path, body) {
  const asked = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const answer = await fetch(`${sandbox}/_sandbox${path}`, asked);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function refusal(call) {
  try {
    await call();
    return { refused: false };
  } catch (error) {
    if (!error.response) throw error;
    const body = error.response.body;
    return { refused: true, status: error.status, title: body.title };
  }
}

async function read(listId) {
  say("ping", await mailchimp.ping.get());
  const all = await lists.getAllLists({ fields: ["lists.name", "total_items"] });
  say("lists", { lists: all.lists.map((one) => one.name), total: all.total_items });
  const seen = [];
  let page;
  do {
    page = await lists.getListMembersInfo(listId, { count: 10, offset: seen.length });
    seen.push(...page.members.map((one) => one.id));
  } while (page.members.length);
  const complete = new Set(seen).size === page.total_items && seen.length === page.total_items;
  say("pages", { complete, many: seen.length > 20, links: page._links.length > 0 });
}

async function members(listId) {
  const told = {};
  const hashes = {};
  for (const status of STATUSES) {
    const email = `${status}@client.example`;
    const made = await lists.addListMember(listId, { email_address: email, status });
    hashes[status] = made.id;
    told[status] = (await lists.getListMember(listId, made.id)).status;
  }
  await lists.deleteListMember(listId, hashes.unsubscribed);
  told.deleted = (await lists.getListMember(listId, hashes.unsubscribed)).status;
  say("statuses", told);
  const email = "subscribed@client.example";
  const put = await lists.setListMember(listId, hashes.subscribed, {
    email_address: email, status_if_new: "subscribed", merge_fields: { FNAME: "Ann" },
  });
  say("put", { name: put.full_name, same: put.id === hashes.subscribed });
  const patched = await lists.updateListMember(listId, hashes.subscribed, { vip: true });
  say("patched", { vip: patched.vip });
  const again = { email_address: email, status: "subscribed" };
  say("exists", await refusal(() => lists.addListMember(listId, again)));
  say("not archivable", await refusal(() => lists.deleteListMember(listId, hashes.cleaned)));
  const back = () => lists.updateListMember(listId, hashes.cleaned, { status: "subscribed" });
  say("cleaned stays", await refusal(back));
  await lists.deleteListMemberPermanent(listId, hashes.transactional);
  const forgotten = { email_address: "transactional@client.example", status: "subscribed" };
  say("forgotten", await refusal(() => lists.addListMember(listId, forgotten)));
  say("nobody", await refusal(() => lists.getListMember(listId, "0".repeat(32))));
  return hashes.subscribed;
}

async function tags(listId, hash) {
  await lists.updateListMemberTags(listId, hash, {
    tags: [{ name: "Customer", status: "active" }, { name: "Fresh", status: "active" }],
  });
  await lists.updateListMemberTags(listId, hash, { tags: [{ name: "Fresh", status: "inactive" }] });
  const told = await lists.getListMemberTags(listId, hash);
  say("tags", { tags: told.tags.map((one) => one.name) });
}

async function batch(listId) {
  const rows = [
    { email_address: "row1@client.example", status: "subscribed" },
    { email_address: "subscribed@client.example", status: "subscribed" },
    { email_address: "nonsense", status: "subscribed" },
  ];
  const told = await lists.batchListMembers(listId, { members: rows, update_existing: true });
  say("batch", { made: told.total_created, changed: told.total_updated, wrong: told.error_count });
}

async function manyCalls(listId) {
  const body = JSON.stringify({ email_address: "later@client.example", status: "subscribed" });
  const path = `/lists/${listId}/members`;
  const operations = [
    { method: "POST", path, body, operation_id: "one" },
    { method: "POST", path, body, operation_id: "two" },
  ];
  const started = await batches.start({ operations });
  await control("/clock", { advance_s: 60 });
  const done = await batches.status(started.id);
  const archive = Buffer.from(await (await fetch(done.response_body_url)).arrayBuffer());
  const text = zlib.gunzipSync(archive).toString();
  say("batches", {
    before: started.status, after: done.status, total: done.total_operations,
    wrong: done.errored_operations, told: text.includes('"operation_id":"two"'),
  });
}

async function segments(listId) {
  const made = await lists.createSegment(listId, {
    name: "By hand", static_segment: ["row1@client.example"],
  });
  await lists.batchSegmentMembers(
    { members_to_add: ["subscribed@client.example"], members_to_remove: [] }, listId, made.id,
  );
  const inside = await lists.getSegmentMembersList(listId, made.id);
  const kinds = await lists.listSegments(listId, { type: "saved", count: 100 });
  await lists.deleteSegment(listId, made.id);
  say("segments", {
    type: made.type, first: made.member_count,
    inside: inside.members.map((one) => one.email_address).sort(),
    saved: kinds.segments.map((one) => one.name).sort(),
    gone: (await refusal(() => lists.getSegment(listId, made.id))).status,
  });
}

async function webhooks(listId) {
  let hear;
  const heard = new Promise((done) => { hear = done; });
  const ear = http.createServer((asked, answer) => {
    let body = "";
    asked.on("data", (part) => { body += part; });
    asked.on("end", () => {
      answer.end("OK");
      if (asked.method === "POST") hear(new URLSearchParams(body));
    });
  });
  await new Promise((done) => ear.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${ear.address().port}/hook?secret=s`;
  const made = await lists.createListWebhook(listId, {
    url, events: { subscribe: true }, sources: { api: true },
  });
  await lists.addListMember(listId, { email_address: "heard@client.example", status: "subscribed" });
  const form = await heard;
  const changed = await lists.updateListWebhook(listId, made.id, { events: { subscribe: false } });
  const known = await lists.getListWebhooks(listId);
  await lists.deleteListWebhook(listId, made.id);
  ear.close();
  say("webhooks", {
    type: form.get("type"), email: form.get("data[email]"), events: changed.events,
    known: known.total_items, left: (await lists.getListWebhooks(listId)).total_items,
  });
}

async function results(listId) {
  const campaigns = await mailchimp.campaigns.list({ listId, status: "sent", count: 100 });
  const all = await reports.getAllCampaignReports({ count: 100 });
  const title = "Autumn offers";
  const id = all.reports.find((one) => one.campaign_title === title).id;
  const one = await reports.getCampaignReport(id);
  const sent = await reports.getCampaignRecipients(id, { count: 1000 });
  const acts = await reports.getEmailActivityForCampaign(id, { count: 1000 });
  const opens = await reports.getCampaignOpenDetails(id, { count: 1000 });
  const links = await reports.getCampaignClickDetails(id);
  const left = await reports.getUnsubscribedListForCampaign(id);
  const told = acts.emails.flatMap((row) => row.activity.map((act) => act.action));
  const count = (kind) => told.filter((action) => action === kind).length;
  const clicks = links.urls_clicked.reduce((sum, link) => sum + link.total_clicks, 0);
  say("reports", {
    campaigns: campaigns.total_items, reports: all.total_items,
    sent: sent.total_items === one.emails_sent && acts.total_items === one.emails_sent,
    opens: count("open") === one.opens.opens_total && opens.total_opens === one.opens.opens_total,
    clicks: count("click") === one.clicks.clicks_total && clicks === one.clicks.clicks_total,
    left: left.total_items,
  });
}

async function login(app) {
  const back = "http://127.0.0.1:9/back";
  const asked = new URLSearchParams({
    response_type: "code", client_id: app.client_id, redirect_uri: back, auto_approve: "1",
  });
  const door = `${sandbox}/mailchimp/oauth2`;
  const let_in = await fetch(`${door}/authorize?${asked}`, { redirect: "manual" });
  const code = new URL(let_in.headers.get("location")).searchParams.get("code");
  const body = new URLSearchParams({
    grant_type: "authorization_code", client_id: app.client_id,
    client_secret: app.client_secret, redirect_uri: back, code,
  });
  const given = await (await fetch(`${door}/token`, { method: "POST", body })).json();
  const accessToken = given.access_token;
  const headers = { authorization: `OAuth ${accessToken}` };
  const where = await (await fetch(`${door}/metadata`, { headers })).json();
  mailchimp.setConfig({ accessToken, server: where.dc });
  say("by token", { dc: where.dc, lists: (await lists.getAllLists()).total_items });
  mailchimp.setConfig({ apiKey: "wrong-us6", server: "us6" });
  say("wrong key", await refusal(() => mailchimp.ping.get()));
}

async function main() {
  const account = (await control("")).vendors.mailchimp;
  const listId = account.lists.Newsletter;
  mailchimp.setConfig({ apiKey: Object.keys(account.keys)[0], server: account.datacenter });
  await read(listId);
  const hash = await members(listId);
  await tags(listId, hash);
  await batch(listId);
  await manyCalls(listId);
  await segments(listId);
  await webhooks(listId);
  await results(listId);
  await login(account.oauth);
}

main().catch((error) => {
  say("broken", { error: String(error.stack || JSON.stringify(error)) });
  process.exitCode = 1;
});
