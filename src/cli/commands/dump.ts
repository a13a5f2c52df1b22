import { knownSchema, probeSchema } from '../../core/fleet/probe';
import { checkScriptDump, type DumpCheck } from '../../core/migration/script-dump/check';
import { EXIT } from '../exit-code';
import { fleetTarget, withFleetConnection } from '../fleet-opening';
import type { FleetOptions, SourceOptions } from '../input';
import { readJudged } from '../source-reading';
import { counted, plain, print, printJsonList, progressLine, styled } from '../terminal';

interface DumpOptions extends SourceOptions, FleetOptions {
  readonly fleetVersion?: string;
}

/** `slipway dump check DUMP SOURCE`: what a dump of Fleet's script would do, and where it is wrong. Exit 1 with an error. */
export async function run(_action: 'check', path: string, source: string, options: DumpOptions): Promise<number> {
  const target = options.fleet === undefined ? null : fleetTarget(options.fleet, options);
  const { snapshot, judgement } = await readJudged(source, options);
  const progress = progressLine(options.json === true);
  let result: DumpCheck;
  try {
    const common = { path, snapshot, judgement, onProgress: progress.onProgress };
    result =
      target === null
        ? await checkScriptDump({ ...common, schema: knownSchema(options.fleetVersion ?? '4.69') })
        : await withFleetConnection(target, 'read', async (connection) =>
            checkScriptDump({ ...common, schema: await probeSchema(connection), connection }),
          );
  } finally {
    progress.end();
  }
  const { dump, counts, broken, devices } = result;
  if (options.json === true) await printJsonList({ schema: 1, dump, counts, broken }, 'devices', devices);
  else await printCheck(result);
  return counts.withErrors + counts.broken === 0 ? EXIT.fine : EXIT.found;
}

async function printCheck({ dump, counts, broken, devices }: DumpCheck): Promise<void> {
  await print(
    `${plain(dump.path)}: ${counted(dump.statements, 'statement')} for ${counted(counts.devices, 'device')}; nothing of it was run.`,
    `  ${styled(`${counts.withErrors} with errors`, counts.withErrors > 0 ? 'red' : 'green')}, ${counts.withWarnings} with warnings, ${counts.missing} missing, ${counts.broken} broken statements`,
  );
  for (const { line, what } of broken.slice(0, 20)) await print(`  ${styled('✗', 'red')} line ${line}: ${plain(what)}`);
  const actions = new Map<string, number>();
  for (const { action } of devices) if (action !== null) actions.set(action, (actions.get(action) ?? 0) + 1);
  for (const [action, count] of actions) await print(`  ${action}: ${counted(count, 'device')}`);
  const grave = devices.filter(({ problems }) => problems.some(({ severity }) => severity === 'error'));
  for (const { udid, line, problems } of grave.slice(0, 50)) {
    await print(`  ${plain(udid)}${line === null ? '' : ` (line ${line})`}`);
    for (const { severity, table, column, sentence } of problems)
      if (severity === 'error')
        await print(
          `      ${table === null ? '' : `${table}${column === null ? '' : `.${column}`}: `}${plain(sentence)}`,
        );
  }
  if (grave.length > 50) await print(`  and ${counted(grave.length - 50, 'device')} more; --json has all.`);
  const warnings = new Map<string, number>();
  for (const { problems } of devices)
    for (const { severity, code, table, column } of problems)
      if (severity === 'warning') {
        const key = `${code} ${table ?? ''}${column === null ? '' : `.${column}`}`;
        warnings.set(key, (warnings.get(key) ?? 0) + 1);
      }
  for (const [what, count] of warnings) await print(`  ${styled('!', 'yellow')} ${count} × ${what}`);
}
