/** Sets the fuses of a packaged Electron binary and reads them back: name and state. */
export function setFuses(binary: string): Promise<Record<string, boolean>>;
export function readFuses(binary: string): Promise<Record<string, boolean>>;
