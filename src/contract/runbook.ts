/** The runbook as the window shows it: its lines, and what stands in each column. */
import { z } from 'zod';

const runbookCell = z.object({
  state: z.enum(['open', 'done', 'attention']),
  sentence: z.string(),
  tick: z.object({ by: z.string(), note: z.string(), at: z.number() }).nullable(),
});

export const runbookView = z.object({
  /** The column this workspace fills by itself; null while its target has no badge. */
  mine: z.enum(['staging', 'production']).nullable(),
  steps: z.array(
    z.object({
      title: z.string(),
      items: z.array(
        z.object({
          id: z.string(),
          title: z.string(),
          why: z.string(),
          /** A name settles it. */
          forPeople: z.boolean(),
          staging: runbookCell.nullable(),
          production: runbookCell.nullable(),
        }),
      ),
    }),
  ),
});

export type RunbookView = z.infer<typeof runbookView>;
export type RunbookCell = z.infer<typeof runbookCell>;
