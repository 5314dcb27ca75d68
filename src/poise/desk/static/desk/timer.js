// Counts a meeting down; the page says the same without it.
const timer = document.getElementById("timer");
if (timer) {
  const ends = Date.now() + Number(timer.dataset.leftSeconds) * 1000;
  const show = () => {
    const left = Math.round((ends - Date.now()) / 1000);
    const shown = Math.abs(left);
    const text = `${Math.floor(shown / 60)}:${String(shown % 60).padStart(2, "0")}`;
    timer.textContent = left >= 0 ? `${text} left` : `${text} over`;
    timer.classList.toggle("over-time", left < 0);
  };
  show();
  setInterval(show, 1000);
}
