/**
 * The table of calls: everything the window may ask of the main process, and the only list of it.
 *
 * A call is one line: its name, the schema of what it takes and the schema of what it gives back. Main, renderer and
 * tests derive their types from here; main checks both sides at run time, so a new call is a new line here plus one
 * handler in `src/main/handlers.ts`, and nothing else. Secrets never appear in an output schema.
 *
 *     'app.version': call(z.void(), z.object({ slipway: z.string() })),
 */
import { z } from 'zod';

function call<I extends z.ZodType, O extends z.ZodType>(
  input: I,
  output: O,
): { readonly input: I; readonly output: O } {
  return { input, output };
}

export const calls = {
  /** What is running: Slipway's own version and the versions of what it stands on (null where it is not there). */
  'app.version': call(
    z.void(),
    z.object({
      slipway: z.string(),
      node: z.string(),
      chromium: z.string().nullable(),
      electron: z.string().nullable(),
    }),
  ),
} as const;

export type CallName = keyof typeof calls;
export type CallInput<N extends CallName> = z.infer<(typeof calls)[N]['input']>;
export type CallOutput<N extends CallName> = z.infer<(typeof calls)[N]['output']>;
