// Keeps what a reader has unfolded when a fragment is replaced, and says what is new to who reads by ear.
let unfolded = [];
// On a narrow screen the navigation scrolls: where the reader is comes into view.
const here = document.querySelector(".bar nav [aria-current]");
here?.closest("ul").scrollTo({ left: here.offsetLeft - here.closest("ul").clientWidth / 2 + here.offsetWidth / 2 });
const said = document.getElementById("said");
document.body.addEventListener("htmx:beforeSwap", () => {
  unfolded = [...document.querySelectorAll("details[id]")].map((one) => [one.id, one.open]);
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  for (const [id, open] of unfolded) document.getElementById(id)?.toggleAttribute("open", open);
  const told = document.querySelector("[data-told]")?.dataset.told ?? "";
  if (said && told && said.textContent !== told) said.textContent = told;
});
