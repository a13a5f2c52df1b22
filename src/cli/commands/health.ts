import { probeSchema } from '../../core/fleet/probe';
import { examineHealth, type HealthFinding, type HealthReport } from '../../core/watch/health';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import { counted, mark, plain, print, printJson, progressLine, styled } from '../terminal';
import { rfc3339 } from '../time';
import { openRoster, type WatchOptions } from '../watch-opening';

interface HealthOptions extends WatchOptions {
  readonly fleet: string;
  readonly pendingHours?: number;
}

/** `slipway health [PLAN|SOURCE] --fleet …`: what will bite after the migration. Exit 1 when something was found. */
export async function run(subject: string | undefined, options: HealthOptions): Promise<number> {
  const { roster } = await openRoster(subject, options, false);
  const progress = progressLine(options.json === true);
  try {
    const report = await withFleetConnection(fleetTarget(options.fleet, options), 'read', async (connection) =>
      examineHealth({
        connection,
        schema: await probeSchema(connection),
        sourceNotAfter: (udid) => roster.device(udid)?.certificate?.notAfter ?? null,
        onProgress: progress.onProgress,
        ...(options.pendingHours === undefined ? {} : { pendingHours: options.pendingHours }),
      }),
    );
    progress.end();
    if (options.json === true)
      await printJson({ schema: 1, ...report, at: rfc3339(Math.floor(report.at / 1000) * 1000) });
    else await printHealth(report);
    return report.findings.length === 0 ? EXIT.fine : EXIT.found;
  } finally {
    progress.end();
  }
}

async function printHealth({ findings, well, notExamined, grants }: HealthReport): Promise<void> {
  for (const finding of findings) await print(...findingLines(finding));
  if (findings.length > 0) await print('');
  if (well.length > 0) await print(`${styled('✓', 'green')} Nothing found: ${well.join('; ')}.`);
  for (const { title, sentence } of notExamined) await print(`– ${title}: not examined. ${plain(sentence)}`);
  for (const statement of grants) await print(`    ${plain(statement)}`);
}

function findingLines({ title, severity, count, sentence, remedy, commands, devices, code }: HealthFinding): string[] {
  return [
    `${mark(severity)} ${styled(`${title}: ${counted(count, 'device')}`, 'bold')} ${styled(code, 'dim')}`,
    `    ${plain(sentence)}`,
    `    ${plain(remedy)}`,
    ...commands.slice(0, 5).map((command) => `      ${plain(command)}`),
    ...(commands.length > 5 ? [`      and ${commands.length - 5} more (--json lists 50)`] : []),
    ...devices
      .slice(0, 5)
      .map(
        ({ udid, host, detail }) => `      ${plain(udid)}${host === null ? '' : ` (${plain(host)})`}: ${plain(detail)}`,
      ),
    ...(count > 5 ? [`      and ${count - 5} more (--json lists 200)`] : []),
  ];
}
