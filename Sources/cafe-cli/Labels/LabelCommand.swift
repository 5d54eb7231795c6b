internal import ArgumentParser

/// `cafe-cli label`: everything for a person who pays for labels.
struct LabelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label",
        abstract: "Collect labels within a budget, and turn them into answers.",
        subcommands: [
            LabelInit.self, LabelNext.self, LabelRecord.self, LabelGold.self, LabelImport.self, LabelExport.self,
            LabelCorrect.self,
            LabelBudgetCommand.self, LabelTasksCommand.self, LabelWorkersCommand.self, LabelSet.self, LabelStatus.self,
            LabelReport.self, LabelCheck.self, LabelLabels.self, LabelPlanCommand.self, LabelAggregate.self,
            LabelReplayCommand.self,
        ]
    )
}
