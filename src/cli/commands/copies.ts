import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../exit-code';
import { confirm, copiesFolder, type CommonOptions } from '../input';
import { counted, print, printJson, table } from '../terminal';

interface CopiesOptions extends CommonOptions {
  readonly copies?: string;
  readonly delete?: boolean;
  readonly yes?: boolean;
}

/** `slipway copies [--delete]`: the private copies plans are applied from. */
export async function run(options: CopiesOptions): Promise<number> {
  const folder = copiesFolder(options);
  const copies = listCopies(folder);
  if (options.delete === true && copies.length > 0) {
    const question = `Delete ${counted(copies.length, 'private copy').replace('copys', 'copies')} in ${folder}? Plans made from them can then no longer be applied.`;
    if (!(await confirm(question, 'delete', options.yes))) return EXIT.found;
    for (const copy of copies) rmSync(join(folder, copy.name), { force: true });
  }
  if (options.json === true) {
    await printJson({ schema: 1, folder, copies, deleted: options.delete === true });
  } else if (copies.length === 0) {
    await print(`No private copies in ${folder}.`);
  } else {
    await print(
      options.delete === true ? `Deleted from ${folder}:` : folder,
      ...table(copies.map((copy) => [copy.name, `${copy.size} bytes`])),
    );
  }
  return EXIT.fine;
}

function listCopies(folder: string): { name: string; size: number }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => /\.(?:db|capture)$/.test(name))
    .sort()
    .map((name) => ({ name, size: statSync(join(folder, name)).size }));
}
