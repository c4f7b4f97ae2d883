export { renderReport } from "./render-report.js";
export type {
  ReportDifference,
  ReportSample,
  ReportStage,
  ReportText,
  ReportTraining,
  RunReport,
} from "./run-report.js";
