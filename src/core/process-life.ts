/** Whether another process of this machine still runs. */

/**
 * @param pid a process id of this machine; a number that was given again since counts as running
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another account's process may not be signalled (EPERM), but runs.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
