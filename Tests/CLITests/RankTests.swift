import Foundation
import Testing

/// What the program does under a launcher where MPI cannot be had, or where a command is one process's work.
@Suite struct RankTests {
    /// A command as `mpirun` would start it as rank `rank` of two, where there is no libcafe-mpi.so.
    private func launched(_ rank: Int, _ command: String) throws -> CommandLineTool.Result {
        try CommandLineTool.shell(
            "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=\(rank) CAFE_MPI_LIBRARY=/nowhere/libcafe-mpi.so " + command)
    }
    private let work = "cafe-cli evaluate --policy greedy --episodes 2 --tasks 9 --workers 9"

    @Test func withoutTheLibraryOneSentenceSaysWhatToInstall() throws {
        let alone = try CommandLineTool.shell("CAFE_MPI_LIBRARY=/nowhere/libcafe-mpi.so " + work + " --mpi")
        for result in [try launched(0, work), alone] {
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(result.errors.contains("apt-get install libopenmpi-dev") && result.errors.contains("make mpi"))
            #expect(result.errors.split(separator: "\n").count == 1)
        }
    }

    @Test func aCommandOfOneProcessIsRefused() throws {
        let result = try launched(0, "cafe-cli policies")
        #expect(result.status == 64 && result.errors.contains("one process"))
    }

    @Test func theFirstRankGivesHelp() throws {
        let first = try launched(0, "cafe-cli train --help")
        #expect(first.status == 0 && first.output.contains("--rank-timeout"))
        let second = try launched(1, "cafe-cli train --help")
        #expect(second.status == 0 && second.output.isEmpty && second.errors.isEmpty)
    }
}
