extension ConfigurationField where Configuration == TrainingConfiguration {
    /// The weight of one reward feature: empty unless it replaces the variant's.
    static func phi(_ feature: RewardFeature) -> Self {
        Self(
            "reward.phi.\(feature.name)", "a number (in single precision), or null for the variant's own",
            "weight of: \(feature.explanation)",
            { $0.phi[feature.name].map(\.description) ?? "null" },
            { configuration, text in
                if ["null", "~", ""].contains(text) {
                    configuration.phi[feature.name] = nil
                    return true
                }
                guard let value = Double(text), Limits.fitsFloat(value) else { return false }
                configuration.phi[feature.name] = value
                return true
            })
    }
}
