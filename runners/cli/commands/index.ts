import { addAudit } from "./audit.js";
import { addCancel } from "./cancel.js";
import { addCompletion } from "./completion.js";
import { addDoctor } from "./doctor.js";
import { addImport } from "./import.js";
import { addLogs } from "./logs.js";
import { addPlan } from "./plan.js";
import { addPs } from "./ps.js";
import { addRehearse } from "./rehearse.js";
import { addReport } from "./report.js";
import { addResume } from "./resume.js";
import { addRun } from "./run.js";
import { addSchema } from "./schema.js";
import { addSetup } from "./setup.js";
import { addValidate } from "./validate.js";
import { addWatch } from "./watch.js";

/** Every command by its name, in the order of the help. What a command needs is loaded when it runs. */
export const commands = {
  setup: addSetup,
  doctor: addDoctor,
  validate: addValidate,
  plan: addPlan,
  audit: addAudit,
  rehearse: addRehearse,
  run: addRun,
  watch: addWatch,
  resume: addResume,
  ps: addPs,
  logs: addLogs,
  cancel: addCancel,
  report: addReport,
  schema: addSchema,
  import: addImport,
  completion: addCompletion,
} as const;
