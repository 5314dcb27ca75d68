// Keeps what people write on a poor line: drafts survive a reload, a form that could not be sent is sent again,
// and its token makes a second arrival the same act. Without this script every form still works.
const prefix = `poise-draft:${document.querySelector(".who a")?.textContent ?? ""}:`;
const accepted = new Set((document.getElementById("accepted")?.dataset.tokens ?? "").split(" "));
const offline = document.getElementById("offline");
const AGAIN_MS = 3000;

const fieldsOf = (form) => [...form.elements].filter((one) => one.name && one.name !== "csrfmiddlewaretoken");

function keep(form) {
  const values = fieldsOf(form)
    .filter((one) => !["checkbox", "radio"].includes(one.type) || one.checked)
    .map((one) => [one.name, one.value]);
  try { localStorage.setItem(prefix + form.dataset.draft, JSON.stringify(values)); } catch { /* no room: the page still has it */ }
}

const kept = (key) => JSON.parse(localStorage.getItem(key) ?? "null");

function forgetWhatIsSaid() {
  for (const key of Object.keys(localStorage).filter((one) => one.startsWith(prefix))) {
    if (kept(key)?.some(([name, value]) => name === "token" && accepted.has(value))) localStorage.removeItem(key);
  }
}

function restore(form) {
  const values = kept(prefix + form.dataset.draft);
  if (!values) return;
  for (const one of fieldsOf(form)) {
    const given = values.filter(([name]) => name === one.name).map(([, value]) => value);
    if (["checkbox", "radio"].includes(one.type)) one.checked = given.includes(one.value);
    else if (given.length) one.value = given[0];
  }
  form.closest("details")?.setAttribute("open", "");
  say(form, "This is your draft; it was not sent yet.");
}

function say(form, text) {
  const place = form.querySelector(".form-state");
  if (place) place.textContent = text;
}

async function send(form) {
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  keep(form);
  say(form, "Sending ...");
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  } catch {
    say(form, "No connection. Your words are kept here and sent again by themselves.");
    offline?.removeAttribute("hidden");
    delete form.dataset.sending;
    setTimeout(() => send(form), AGAIN_MS);
    return;
  }
  delete form.dataset.sending;
  if (answer.type === "opaqueredirect") {
    // The draft goes once a page has its token: whom the desk signed out meanwhile it sends elsewhere too.
    location.replace(form.dataset.next ?? location.pathname);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const faults = [...page.querySelectorAll(".fault")].map((one) => one.textContent.trim().replace(/\s+/g, " "));
  say(form, `Not sent. ${faults.join(" ") || `The desk answered ${answer.status}.`}`);
}

forgetWhatIsSaid();
for (const form of document.querySelectorAll("form[data-draft]")) {
  restore(form);
  form.addEventListener("input", () => keep(form));
  form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
}
for (const select of document.querySelectorAll("select[data-band]")) {
  select.addEventListener("change", () => {
    const [low, high] = select.value.split("-");
    const form = select.form;
    form.elements.low.value = low ?? "";
    form.elements.high.value = high ?? "";
    keep(form);
  });
}
document.body.addEventListener("htmx:sendError", () => offline?.removeAttribute("hidden"));
document.body.addEventListener("htmx:afterOnLoad", () => offline?.setAttribute("hidden", ""));
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr?.status) offline?.setAttribute("hidden", "");
});
