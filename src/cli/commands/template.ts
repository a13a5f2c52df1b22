import { writePrivate } from '../../core/private-file';
import { tableTemplate, type TemplateForm } from '../../core/sources/csv/template';
import { EXIT } from '../exit-code';
import { plain, print, printJson } from '../terminal';

interface TemplateOptions {
  readonly out: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** `slipway template csv|json --out FILE`: an empty table of devices to fill in. */
export async function run(form: TemplateForm, options: TemplateOptions): Promise<number> {
  // Private from the start: what is filled in are secrets.
  await writePrivate(options.out, tableTemplate(form), { overwrite: options.overwrite ?? false });
  if (options.json === true) await printJson({ schema: 1, form, path: options.out });
  else
    await print(
      `An empty table was written to ${plain(options.out)} (0600: filled in, it holds secrets).`,
      'docs/source-table.md describes every column. Then:',
      `  slipway read csv:${plain(options.out)} --scep-ca ca.pem --scep-ca-key-file ca.key`,
    );
  return EXIT.fine;
}
