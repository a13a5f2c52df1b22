import { exportSource } from '../../core/sources';
import { EXIT } from '../exit-code';
import type { SourceOptions } from '../input';
import { readJudged } from '../source-reading';
import { counted, print, printJson, table } from '../terminal';

interface ExportOptions extends SourceOptions {
  readonly out: string;
}

/** `slipway export SOURCE --out DIR`: the source's keys, certificates and profiles as files. */
export async function run(source: string, options: ExportOptions): Promise<number> {
  const { snapshot } = await readJudged(source, options);
  const files = await exportSource(snapshot, options.out);
  if (options.json === true) {
    await printJson({ schema: 1, folder: options.out, files });
  } else {
    await print(
      `${counted(files.length, 'file')} written to ${options.out} (0600; they hold secrets):`,
      ...table(files.map((file) => [file.path, `${file.size} bytes`, `sha256 ${file.sha256.slice(0, 16)}…`])),
    );
  }
  return EXIT.fine;
}
