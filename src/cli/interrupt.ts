/** Ctrl-C, where what is under way must be brought to an end in good order. */
import { EXIT } from './exit-code';
import { tell } from './terminal';

/** Ctrl-C finishes what is under way, such as a batch and its journal, and stops; a second one ends at once. */
export function stopOnSignal(notice = 'Stopping after this batch. The same command goes on where it stopped.'): {
  readonly signal: AbortSignal;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    tell(notice);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    end: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
