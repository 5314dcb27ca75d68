// Takes reports that are dropped anywhere on the page, and tells how much has arrived. Without this script the form works.
const form = document.querySelector("form[data-upload]");
if (form) {
  const files = form.querySelector("input[type=file]");
  const told = form.querySelector(".form-state");
  const bar = form.querySelector("progress");
  const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
  const send = () => {
    const request = new XMLHttpRequest();
    bar.hidden = false;
    request.upload.addEventListener("progress", (event) => {
      bar.max = event.total;
      bar.value = event.loaded;
      told.textContent = event.loaded < event.total ? `${size(event.loaded)} of ${size(event.total)} sent` : "All sent; being kept ...";
    });
    request.addEventListener("load", () => {
      if (request.status < 400) { location.assign(request.responseURL); return; }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const faults = [...page.querySelectorAll(".fault p:not(.small)")].map((one) => one.textContent.trim());
      bar.hidden = true;
      told.textContent = `Not kept. ${faults.join(" ") || `The desk answered ${request.status}.`}`;
    });
    request.addEventListener("error", () => { bar.hidden = true; told.textContent = "The connection broke off. Nothing of this upload was kept; send it again."; });
    request.open("POST", form.action);
    request.send(new FormData(form));
    told.textContent = "Sending ...";
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); form.classList.add("over-here"); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("over-here"); });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.remove("over-here");
    files.files = event.dataTransfer.files;
    send();
  });
}
