/** What a school's administrators set for everybody: the formats in which online documents are opened and moved. */

import { json, send, words } from "../api.js";
import { attempt } from "../dialogs.js";
import { byId, h, parts, say } from "../dom.js";
import { formatField, kindWords } from "../formats.js";
import { _ } from "../i18n.js";

const ADDRESS = "/v1/school/settings";
let etag = "";

async function read() {
  const answer = await send("GET", ADDRESS);
  etag = answer.headers.get("ETag");
  draw(await answer.json());
}

function draw({ exports, offered }) {
  const fields = Object.entries(offered).map(([kind, formats]) => formatField(kind, kindWords(kind), formats, exports[kind]));
  byId("school-formats").replaceChildren(...fields);
}

async function save(part) {
  part.problem.textContent = part.saved.textContent = "";
  const exports = Object.fromEntries(new FormData(part.form));
  try {
    await json("PATCH", ADDRESS, { body: { exports }, headers: { "If-Match": etag } });
    await read();
    part.saved.replaceChildren(h("span", { class: "state good" }, _("Saved")));
    say(_("Saved. It holds for everybody in your school from now on."));
  } catch (error) {
    if (error.status === 412) await attempt(read); // somebody else was faster: first show what holds now, then say so
    part.problem.textContent = words(error);
  }
}

/** Show the formats as they are set now. */
export async function showFormats(box) {
  const part = parts(box);
  part.problem.textContent = part.saved.textContent = "";
  part.form.onsubmit = (event) => {
    event.preventDefault();
    save(part);
  };
  await read();
}
