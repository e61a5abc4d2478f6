const format = new Intl.DateTimeFormat("ru-RU", {
  timeZone: "Europe/Moscow",
  dateStyle: "long",
  timeStyle: "short",
});

/** A moment (clock milliseconds) as people read it, by Moscow's time: `21 ноября 2026 г. в 12:00`. */
export const moscowMoment = (at: number): string => format.format(at);
