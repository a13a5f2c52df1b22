/**
 * AWS Application Load Balancer: its rules, for the command line client and for Terraform.
 *
 * An ALB's own redirect knows 301 and 302 only, which let a client turn PUT into GET. So rules forward, with a transform
 * (since October 2025) that gives the request Fleet's path and name.
 */
import { heading, RETRY_AFTER, type Balancer } from './balancer';
import { hostHeaderOf, otherwise, type Backend, type RedirectPlan, type Route } from './route';

const NOTES = [
  'An ALB’s redirect can only send 301 or 302, which may turn a PUT into a GET; so these rules forward and rewrite.',
  'Put in the ARNs: FLEET_TARGET_GROUP (and OLD_TARGET_GROUP), LISTENER. Fleet’s targets may be another load balancer’s addresses.',
  'An ALB takes a single header of up to 16 KB: Mdm-Signature fits, and the limit cannot be raised.',
  'The listener’s certificate for the old name must come from a CA that the enrollment profile’s anchors allow.',
];

export const AWS_ALB: Balancer = {
  name: 'aws-alb',
  title: 'AWS ALB, rules as JSON',
  ending: 'json',
  modes: ['rewrite'],
  proof: 'schema',
  notes: [...NOTES, 'Each entry is the input of `aws elbv2 create-rule`, as JSON.'],
  write: (plan) => `${JSON.stringify(rulesOf(plan).map(ruleJson), null, 2)}\n`,
};

export const AWS_ALB_TERRAFORM: Balancer = {
  name: 'aws-alb-terraform',
  title: 'AWS ALB, Terraform',
  ending: 'tf',
  modes: ['rewrite'],
  proof: 'schema',
  notes: [...NOTES, 'It needs a version of the AWS provider whose aws_lb_listener_rule has `transform` blocks.'],
  write: writeTerraform,
};

/** One rule of the listener. */
interface Rule {
  readonly priority: number;
  readonly why: string;
  readonly host: string;
  readonly paths: readonly string[];
  readonly to: Route['to'];
  /** Null where the path stays as it is. */
  readonly rewrite: { readonly regex: string; readonly replace: string } | null;
  readonly backend: Backend;
}

function rulesOf(plan: RedirectPlan): Rule[] {
  const rules = plan.routes.map((route, index): Rule => {
    const { match, path, to, why } = route;
    const pattern = match === 'prefix' ? `${path}*` : path;
    return { ...common(plan, to), priority: index + 1, why, paths: [pattern], rewrite: rewriteOf(plan, route) };
  });
  const rest = otherwise(plan.phase);
  const everything: Route = { match: 'prefix', path: '/', to: rest, why: 'Everything else.' };
  return [
    ...rules,
    {
      ...common(plan, rest),
      priority: rules.length + 1,
      why: everything.why,
      paths: ['/*'],
      rewrite: rewriteOf(plan, everything),
    },
  ];
}

function common(plan: RedirectPlan, to: Route['to']): Pick<Rule, 'host' | 'to' | 'backend'> {
  return { host: plan.host, to, backend: to.kind === 'old' ? plan.old : plan.fleet };
}

/** The query is named in the expression: whether the transform sees it or not, it goes along. */
function rewriteOf(plan: RedirectPlan, { match, path, to }: Route): Rule['rewrite'] {
  const quoted = path.replaceAll('.', '\\.');
  if (to.kind === 'fleet') return { regex: `^${quoted}(\\?.*)?$`, replace: `${plan.fleet.prefix}${to.path}$1` };
  if (to.kind === 'refuse' || plan.old.prefix === '') return null;
  return match === 'prefix'
    ? { regex: `^${quoted}(.*)$`, replace: `${plan.old.prefix}${path}$1` }
    : { regex: `^${quoted}(\\?.*)?$`, replace: `${plan.old.prefix}${path}$1` };
}

function textOf(status: number): string {
  return status === 503
    ? `Enrollment is closed while devices move. Try again in ${RETRY_AFTER / 60} minutes.`
    : 'This server has moved.';
}

function ruleJson({ priority, host, paths, to, rewrite, backend }: Rule): object {
  const target = to.kind === 'old' ? 'OLD_TARGET_GROUP' : 'FLEET_TARGET_GROUP';
  return {
    ListenerArn: 'LISTENER',
    Priority: priority,
    Conditions: [
      { Field: 'host-header', HostHeaderConfig: { Values: [host] } },
      { Field: 'path-pattern', PathPatternConfig: { Values: paths } },
    ],
    Actions: [
      to.kind === 'refuse'
        ? {
            Type: 'fixed-response',
            FixedResponseConfig: {
              StatusCode: String(to.status),
              ContentType: 'text/plain',
              MessageBody: textOf(to.status),
            },
          }
        : { Type: 'forward', TargetGroupArn: target },
    ],
    ...(to.kind === 'refuse'
      ? {}
      : {
          Transforms: [
            {
              Type: 'host-header-rewrite',
              HostHeaderRewriteConfig: { Rewrites: [{ Regex: '^.*$', Replace: hostHeaderOf(backend) }] },
            },
            ...(rewrite === null
              ? []
              : [
                  {
                    Type: 'url-rewrite',
                    UrlRewriteConfig: { Rewrites: [{ Regex: rewrite.regex, Replace: rewrite.replace }] },
                  },
                ]),
          ],
        }),
  };
}

function writeTerraform(plan: RedirectPlan): string {
  return `${heading(plan, 'AWS ALB, Terraform', '#')}

variable "listener_arn" { type = string }
variable "fleet_target_group_arn" { type = string }
variable "old_target_group_arn" { type = string }
variable "first_priority" {
  type    = number
  default = 1
}

${rulesOf(plan).map(resource).join('\n')}`;
}

function resource({ priority, why, host, paths, to, rewrite, backend }: Rule): string {
  const action =
    to.kind === 'refuse'
      ? `  action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      status_code  = "${to.status}"
      message_body = ${quoted(textOf(to.status))}
    }
  }
`
      : `  action {
    type             = "forward"
    target_group_arn = var.${to.kind === 'old' ? 'old' : 'fleet'}_target_group_arn
  }
${transform('host-header-rewrite', '^.*$', hostHeaderOf(backend))}${rewrite === null ? '' : transform('url-rewrite', rewrite.regex, rewrite.replace)}`;
  return `# ${why}
resource "aws_lb_listener_rule" "slipway_${priority}" {
  listener_arn = var.listener_arn
  priority     = var.first_priority + ${priority - 1}
  condition {
    host_header { values = [${quoted(host)}] }
  }
  condition {
    path_pattern { values = [${paths.map(quoted).join(', ')}] }
  }
${action}}
`;
}

function transform(type: 'host-header-rewrite' | 'url-rewrite', regex: string, replace: string): string {
  return `  transform {
    type = "${type}"
    ${type.replaceAll('-', '_')}_config {
      rewrite {
        regex   = ${quoted(regex)}
        replace = ${quoted(replace)}
      }
    }
  }
`;
}

/** A string of Terraform's language: \`\${\` and \`%{\` would begin a template, and nothing here contains them. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
