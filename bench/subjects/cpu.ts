/** What a measured process tells of itself. */
export interface Usage {
  cpuMicros: number;
  rssBytes: number;
}

/** Answers each IPC message with the process's CPU time (all its threads) and memory. */
export function tellUsage(): void {
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    const usage: Usage = { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() };
    process.send?.(usage);
  });
  // a subject that has closed its doors may end
  process.channel?.unref();
}
