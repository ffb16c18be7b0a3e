import { outcomeOfError, toldHeaders } from "../../core/adapter/told-outcome.ts";
import {
  type IdempotencyErrorCode,
  isIdempotencyError,
  isTooLarge,
} from "../../core/contract/errors/errors.ts";

/** The member `code` of this package's problem documents. */
export type HttpProblemCode =
  | IdempotencyErrorCode
  | "BODY_INVALID"
  | "BODY_TOO_LARGE"
  | "PRECONDITION_FAILED"
  | "PRECONDITION_INVALID"
  | "PRECONDITION_REQUIRED";

/** What is wrong. An `IdempotencyError` is one. */
export interface Problem {
  readonly code: HttpProblemCode;
  /** For the client; becomes `detail`. */
  readonly message: string;
  /** Of an `IdempotencyError`. */
  readonly details?: unknown;
  /** In milliseconds; becomes `Retry-After`, in whole seconds. */
  readonly retryAfterMs?: number | undefined;
}

/** Headers by their names. */
export type ProblemHeaders = Readonly<Record<string, string>>;

/** How a problem is answered. */
export interface ProblemOptions {
  /** More headers, such as those of CORS. */
  readonly headers?: ProblemHeaders | undefined;
  /**
   * The page of your API's documentation, as an absolute URL: the header `Link` names it, and `type` is a fragment of it, such
   * as `#in-progress`. Default: no `Link`, and a URN as `type`.
   */
  readonly documentation?: string | undefined;
}

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

const RUN_PROBLEMS = {
  KEY_MISSING: { status: 400, title: "Idempotency-Key is missing" },
  KEY_INVALID: { status: 400, title: "Idempotency-Key is invalid" },
  INPUT_INVALID: { status: 400, title: "The request cannot be compared with a retry" },
  KEY_REUSED: { status: 422, title: "Idempotency-Key is already used" },
  IN_PROGRESS: { status: 409, title: "A request is outstanding for this Idempotency-Key" },
  CLAIM_LOST: { status: 409, title: "The claim of the Idempotency-Key was lost" },
  LEASE_LOST: { status: 409, title: "The request was interrupted" },
  ATTEMPTS_EXHAUSTED: { status: 500, title: "The request was given up" },
  STORE_UNAVAILABLE: { status: 503, title: "The idempotency store is not available" },
  STORE_MISCONFIGURED: { status: 500, title: "The idempotency store is not set up" },
  RESULT_UNSTORABLE: { status: 500, title: "The response cannot be stored" },
  RESULT_UNREADABLE: { status: 500, title: "The stored response cannot be read" },
  SCOPE_MISSING: { status: 500, title: "The scope of the Idempotency-Key is missing" },
} as const satisfies Record<IdempotencyErrorCode, ProblemKind>;

const PROBLEMS = {
  ...RUN_PROBLEMS,
  BODY_INVALID: { status: 400, title: "The body is not what its Content-Type says" },
  BODY_TOO_LARGE: { status: 413, title: "The body is too large" },
  PRECONDITION_FAILED: { status: 412, title: "The resource has changed" },
  PRECONDITION_INVALID: { status: 400, title: "If-Match is invalid" },
  PRECONDITION_REQUIRED: { status: 428, title: "If-Match is missing" },
} as const satisfies Record<HttpProblemCode, ProblemKind>;

/**
 * The answer to a problem: `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail` and `code`, the
 * header `Link` to the documentation if there is one (draft-ietf-httpapi-idempotency-key-header-07, section 2.7), and
 * `Retry-After` when the same request may be sent again. That to an `IdempotencyError` tells in `Idempotency-Outcome` what
 * became of the key: all that {@link withIdempotency} would answer, for those who route by hand.
 */
export function problemResponse(problem: Problem, options: ProblemOptions = {}): Response {
  const { code, message, retryAfterMs, details } = problem;
  const { status: usual, title } = PROBLEMS[code];
  const status = isTooLarge({ code, details }) ? 413 : usual;
  const { documentation } = options;
  const headers = new Headers(options.headers);
  headers.set("content-type", "application/problem+json");
  if (documentation !== undefined) {
    headers.set("link", `<${documentation}>; rel="describedby"`);
  }
  if (retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.ceil(retryAfterMs / 1_000)));
  }
  const outcome = isIdempotencyError(problem) ? outcomeOfError(problem) : undefined;
  for (const [name, value] of toldHeaders([{ outcome, replayed: false }])) {
    headers.set(name, value);
  }
  const body = JSON.stringify({ type: typeOf(code, documentation), title, status, detail: message, code });
  return new Response(body, { status, headers });
}

/** A name that nobody else can take over: a URN, or a part of the application's own page. */
function typeOf(code: HttpProblemCode, documentation: string | undefined): string {
  const name = code.toLowerCase().replaceAll("_", "-");
  return documentation === undefined
    ? `urn:onceonly:problem:${name}`
    : `${documentation.replace(/#.*$/, "")}#${name}`;
}

/** The refusal of a request, before its run or by its handler, that is not an `IdempotencyError`. */
export class RefusedRequestError extends Error implements Problem {
  override readonly name = "RefusedRequestError";
  readonly code: HttpProblemCode;

  constructor(code: HttpProblemCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
