import { describe, expect, it } from 'vitest';
import { noServer, testServer } from '../../servers/mysql';
import { killAndResume } from '../../soak/kill';

const external = !noServer && testServer().kind === 'external';
const soak = process.env['SLIPWAY_SOAK'] === '1';

describe.skipIf(noServer || external)('an apply that is killed', () => {
  it(
    soak ? '20 times in 5,000 devices' : '3 times in 500 devices',
    async () => {
      const lines: string[] = [];
      const log = (line: string): void => {
        lines.push(line);
        if (soak) process.stderr.write(`${line}\n`);
      };
      const work = soak
        ? killAndResume({
            schema: 'generation-newest',
            devices: 5_000,
            rounds: 20,
            batchSize: 500,
            killsPerRound: 1,
            log,
          })
        : killAndResume({ schema: 'generation-469', devices: 500, rounds: 3, batchSize: 25, killsPerRound: 1, log });
      await expect(work, lines.join('\n')).resolves.toBeUndefined();
    },
    soak ? 1_800_000 : 120_000,
  );
});
