/** Devices with the reason why something is not done to them, gathered by reason: a wave may have hundreds. */
import { plain, styled } from '../terminal';

export interface Reasoned {
  readonly udid: string;
  readonly code: string;
  readonly sentence: string;
}

/** How many devices are named for each reason; `--json` lists all. */
const NAMED = 5;

/** `  ! 23 × SENTENCE code`, and below it the first few devices. */
export function reasonLines(devices: readonly Reasoned[]): string[] {
  const reasons = new Map<string, Reasoned[]>();
  for (const device of devices) {
    const key = JSON.stringify([device.code, device.sentence]);
    const known = reasons.get(key);
    if (known === undefined) reasons.set(key, [device]);
    else known.push(device);
  }
  return [...reasons.values()].flatMap((alike) => {
    const [{ code, sentence } = { code: '', sentence: '' }] = alike;
    const named = alike.slice(0, NAMED).map(({ udid }) => plain(udid));
    const more = alike.length - named.length;
    return [
      `  ${styled('!', 'yellow')} ${alike.length.toLocaleString('en')} × ${plain(sentence)} ${styled(code, 'dim')}`,
      `      ${named.join(', ')}${more > 0 ? ` and ${more.toLocaleString('en')} more (--json lists all)` : ''}`,
    ];
  });
}
