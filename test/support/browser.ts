import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";

const launch = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // root in a container has no user namespaces
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
};

/** Debian's Chromium without a screen; test scripts install it (scripts/ensure-servers.sh --browser). */
export function startBrowser(): Promise<Browser> {
  return chromium.launch(launch);
}

/** The same with cookies and local storage switched off in its settings. */
export async function withoutCookies<T>(visit: (context: BrowserContext) => Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), "gateway-browser-"));
  await mkdir(join(profile, "Default"));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(settings));
  const context = await chromium.launchPersistentContext(profile, launch);
  try {
    return await visit(context);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}
